import { expect, it } from 'vitest';
import { sourcesUnder } from './sources.js';

/** Where one name may stand for several things, and why. */
const EXCEPTIONS: readonly { readonly names: RegExp; readonly files: RegExp; readonly why: string }[] = [
  {
    names: /^(?:session|token|seen)$/,
    files: /^src\/frameworks\/[a-z]+\/(?:session|token|seen)\.ts$/,
    why: 'One face a framework: an app that changes its framework changes the door alone.',
  },
  {
    names: /^(?:time|word|block|readSetting|balanceLines|lockOf)$/,
    files: /^src\/interop\/[a-z]+\/[a-z-]+\.ts$/,
    why: "One word for what is the same in each balancer's language, in a folder for each balancer.",
  },
  {
    names:
      /^(?:rendezvous|ring|maglev|ketamaMd5|nginx(?:Consistent|Hash|IpHash)|haproxy(?:Consistent|Map)|envoy(?:Maglev|RingHash)|traefikHrw|caddyHrw)$/,
    files: /^src\/route\/placement\/[a-z0-9-]+\.ts$/,
    why: 'A kind of placement has the name of configuration files twice: the function in the door (placed.ts), which loads no zod, and the entry in the registry, which checks options with it.',
  },
];

it('an exported name exists once', () => {
  const files = new Map<string, string[]>();
  for (const { path, bare } of sourcesUnder('src'))
    for (const [, name] of bare.matchAll(
      /^export (?:abstract |async )*(?:function\*?|class|const|let|interface|type|enum) +(\w+)/gm,
    ))
      files.set(name!, [...(files.get(name!) ?? []), path]);
  const excepted = (name: string, paths: readonly string[]): boolean =>
    EXCEPTIONS.some(
      (exception) => exception.names.test(name) && paths.every((path) => exception.files.test(path)),
    );
  const twice = [...files]
    .filter(([name, paths]) => paths.length > 1 && !excepted(name, paths))
    .map(([name, paths]) => `${name}: ${paths.join(', ')}`);
  expect(
    twice,
    'One name for one thing: name each for what it is (LocalAnswer, FeedReply), or import the one that is there. An exception needs a reason in this file.',
  ).toEqual([]);
});
