import { expect, test } from 'vitest';
import type { Rule } from '../route/affinity/rule.js';
import { fakePool } from '../testing/fake-pool.js';
import { cookieForwarding } from './forwarded-cookies.js';

const rule = (forwardCookie?: Rule['forwardCookie']): Rule => ({
  name: 'test',
  subject: '',
  onFailure: 'rehome',
  find: () => ({ kind: 'nothing' }),
  ...(forwardCookie && { forwardCookie }),
});
const pool = fakePool(['a']);

test('without a rule that changes cookies there is nothing to do', () =>
  expect(cookieForwarding([rule(), rule()])).toBeUndefined());

test('every Cookie line is changed, by every rule in order, and no other line', () => {
  const forward = cookieForwarding([rule((field) => `${field}1`), rule(), rule((field) => `<${field}>`)])!;
  expect(
    forward('Host: a\r\nCookie: x=y\r\nX-Cookie: x\r\ncookie:z\r\nCOOKIE: \t\r\nAccept: cookie: q\r\n', pool),
  ).toBe('Host: a\r\nCookie: <x=y1>\r\nX-Cookie: x\r\ncookie:<z1>\r\nCOOKIE: \t<1>\r\nAccept: cookie: q\r\n');
  expect(forward('Host: a\r\n', pool)).toBe('Host: a\r\n');
  expect(forward('', pool)).toBe('');
});
