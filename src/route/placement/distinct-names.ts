import { toByteString } from '../../base/framed-key.js';
import { invalidPlacement } from './members.js';
import type { Member } from './placement.js';

/**
 * What a balancer hashes for each upstream, as byte strings. Two of one name would share every point, and
 * which of them gets a key is something that these balancers leave to their sort.
 */
export function distinctNames(
  members: readonly Member[],
  nameOf: (member: Member) => string,
  balancer: string,
): string[] {
  const seen = new Map<string, string>();
  return members.map((member) => {
    const name = nameOf(member);
    const other = seen.get(name);
    if (other !== undefined)
      throw invalidPlacement(
        `Upstreams "${other}" and "${member.id}" are both "${name}" to ${balancer}: give each an \`address\` of its own.`,
      );
    if (name === '')
      throw invalidPlacement(
        `Upstream "${member.id}" has an empty \`address\`: ${balancer} needs one to hash.`,
      );
    seen.set(name, member.id);
    return toByteString(name);
  });
}
