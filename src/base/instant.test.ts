import { expect, test } from 'vitest';
import { parseInstant } from './instant.js';

test.each([
  ['2027-03-01', Date.UTC(2027, 2, 1)],
  ['2028-02-29', Date.UTC(2028, 1, 29)],
  ['2027-03-01T18:30Z', Date.UTC(2027, 2, 1, 18, 30)],
  ['2027-03-01T18:00:00Z', Date.UTC(2027, 2, 1, 18)],
  ['2027-03-01T18:00:00+02:00', Date.UTC(2027, 2, 1, 16)],
  ['1999-12-31T23:59:59-05:30', Date.UTC(2000, 0, 1, 5, 29, 59)],
])('%s is an instant', (text, ms) => expect(parseInstant(text)).toBe(ms));

test.each([
  '',
  'tomorrow',
  '2027',
  '2027-3-1',
  '2027-02-29',
  '2027-02-30',
  '2027-13-01',
  '2027-00-01',
  '2027-03-00',
  '01.03.2027',
  '2027-03-01T18:00:00',
  '2027-03-01 18:00Z',
  '2027-03-01T25:00Z',
  '2027-03-01T18:00:60Z',
  '1803859200000',
])('"%s" is none', (text) => expect(parseInstant(text)).toBeUndefined());
