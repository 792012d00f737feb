import { expect, test } from 'vitest';
import { plainFacts } from './plain-facts.js';

test('a whole URL gives host, scheme and target', () => {
  const { line, path } = plainFacts({ url: 'https://user@Example.ORG:8443/users/7?a=b#part', nowMs: 5 });
  expect(line).toEqual({
    method: 'GET',
    target: '/users/7?a=b',
    host: 'example.org',
    clientAddress: '',
    isSecure: true,
    nowMs: 5,
  });
  expect(path).toBe('/users/7');
});

test('a path takes its host from the Host field', () => {
  const facts = plainFacts({
    method: 'POST',
    url: '/x',
    headers: [['Host', 'api.example.org:80']],
    ip: '::ffff:1.2.3.4',
    isSecure: true,
    nowMs: 0,
  });
  expect(facts.line).toMatchObject({
    method: 'POST',
    target: '/x',
    host: 'api.example.org',
    clientAddress: '1.2.3.4',
    isSecure: true,
  });
  expect(plainFacts({ url: 'http://[::1]:80', nowMs: 0 }).line).toMatchObject({
    target: '/',
    host: '[::1]',
    isSecure: false,
  });
});

test('repeated fields are joined, cookies in their own way', () => {
  const { headers } = plainFacts({
    headers: [
      ['X-A', ' 1 '],
      ['x-a', '2'],
      ['Cookie', 'a=1'],
      ['cookie', 'b=2'],
    ],
    nowMs: 0,
  });
  expect([headers.get('x-a'), headers.get('cookie'), headers.get('x-b')]).toEqual([
    '1, 2',
    'a=1; b=2',
    undefined,
  ]);
});

test('texts beyond ASCII become the bytes that a client would send', () => {
  const facts = plainFacts({ url: '/é?user=é x', headers: [['x-user', 'é']], nowMs: 0 });
  expect(facts.line.target).toBe('/%c3%a9?user=%c3%a9%20x');
  expect(facts.headers.get('x-user')).toBe('\u00c3\u00a9');
  expect(facts.query('user')).toBe('\u00c3\u00a9 x');
});
