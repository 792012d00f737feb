/** Why the API server said nothing of use; `message` is a sentence for the log. */
export class KubernetesFailure extends Error {
  /** What was known is too old to go on from (410): everything is to be listed anew. */
  readonly isGone: boolean;

  constructor(message: string, isGone = false) {
    super(message);
    this.name = 'KubernetesFailure';
    this.isGone = isGone;
  }
}

/** What a status says to whoever reads the log. */
export function statusFailure(status: number, namespace: string): KubernetesFailure {
  const said = `the API server answered ${status}`;
  switch (status) {
    case 401:
      return new KubernetesFailure(`${said}: it does not take the token. It is read again for the next try.`);
    case 403:
      return new KubernetesFailure(
        `${said}: this account may not list and watch endpointslices (discovery.k8s.io) in namespace ${namespace}. Give it a role with these verbs.`,
      );
    case 404:
      return new KubernetesFailure(
        `${said}: it has no discovery.k8s.io/v1, which came with Kubernetes 1.21.`,
      );
    case 410:
      return new KubernetesFailure(`${said}: what was known is too old.`, true);
    default:
      return new KubernetesFailure(`${said}.`);
  }
}
