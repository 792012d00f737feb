import { expect, it } from 'vitest';
import { wholeNumber } from './digits.js';

it.each([
  ['0', 10, 0],
  ['007', 10, 7],
  ['999999999999999', 10, 999_999_999_999_999],
  ['fF', 16, 255],
  ['zZ', 36, 1295],
  ['17', 8, 15],
  ['2gosa7pa2gv', 36, Number.MAX_SAFE_INTEGER],
] as const)('%j in base %i is %i', (text, base, number) => {
  expect(wholeNumber(text, base)).toBe(number);
});

it.each([
  '',
  ' 5',
  '5 ',
  '+5',
  '-5',
  '0x5',
  '5_0',
  '5.0',
  '5e3',
  '5,5',
  '٥',
  '\u{1d7d3}',
  '9'.repeat(16),
  '0'.repeat(19),
  'a',
])('%j is no number', (text) => {
  expect(wholeNumber(text, 10)).toBeNaN();
});

it('in base 16 and 36 it is none either where a digit is beyond the base, or there are too many', () => {
  expect([wholeNumber('g', 16), wholeNumber('8', 8), wholeNumber('{', 36), wholeNumber('@', 36)]).toEqual([
    NaN,
    NaN,
    NaN,
    NaN,
  ]);
  expect([wholeNumber('f'.repeat(14), 16), wholeNumber('z'.repeat(11), 36)]).toEqual([NaN, NaN]);
});
