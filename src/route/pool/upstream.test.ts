import { expect, it } from 'vitest';
import { MEMBER_FIELDS } from '../placement/placement.js';
import { isSameMembers } from '../placement/members.js';
import { membersOf, UPSTREAM_FIELDS, type Upstream } from './upstream.js';

const ONE: Required<Upstream> = {
  id: 'api-1',
  url: 'http://10.0.0.1:80',
  weight: 1,
  draining: false,
  standing: 'in',
  address: 'app1',
  haproxyId: 7,
  serverName: 'app1.internal',
  incarnation: 'first',
};
const OTHER: Required<Upstream> = {
  id: 'api-2',
  url: 'http://10.0.0.2:80',
  weight: 2,
  draining: true,
  standing: 'out',
  address: 'app2',
  haproxyId: 8,
  serverName: 'app2.internal',
  incarnation: 'second',
};

it('a placement hears of every field that it may look at, and of a change in each', () => {
  expect([...UPSTREAM_FIELDS].sort()).toEqual(Object.keys(ONE).sort());
  const [member] = membersOf([ONE]);
  for (const field of MEMBER_FIELDS) {
    expect(member![field], field).toBe(ONE[field]);
    const changed = membersOf([{ ...ONE, [field]: OTHER[field] }]);
    expect(isSameMembers([member!], changed), field).toBe(false);
  }
  expect(isSameMembers([member!], membersOf([{ ...ONE }]))).toBe(true);
});
