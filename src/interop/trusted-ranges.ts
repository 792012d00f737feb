import { formatAddress, maskAddress, parseAddress, rangeProblem } from '../route/address.js';
import type { Report } from './report.js';

/**
 * Ranges of trusted proxies as we take them: others forgive bits behind the prefix. What is no range is said.
 */
export function trustedRanges(ranges: readonly string[], at: string, report: Report): string[] {
  return [
    ...new Set(
      ranges.flatMap((range) => {
        if (rangeProblem(range) === undefined) return [range];
        const [text = '', bits = ''] = range.split('/');
        const address = parseAddress(text);
        const masked =
          address === undefined || !/^\d{1,3}$/.test(bits)
            ? undefined
            : `${formatAddress(maskAddress(address, Number(bits)))}/${bits}`;
        if (masked !== undefined && rangeProblem(masked) === undefined) return [masked];
        report.say(
          at,
          `${range} is not carried over: a trusted proxy is an address or a range of addresses.`,
        );
        return [];
      }),
    ),
  ];
}
