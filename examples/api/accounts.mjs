// A small user table, kept in the store that holds everything else: names, and passwords hashed with scrypt.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(scrypt);
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** OWASP's password storage cheat sheet: N = 2^17, r = 8, p = 1. */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
/** The longest life that a store knows; a user table proper would have no end. */
const LIFE_MS = 400 * 86_400_000;
const PARTITION = 0;
/** Each takes 128 MiB and a tenth of a second: more at a time would be an attack on ourselves. */
const CHECKS_MAX = 4;

export class Accounts {
  #store;
  #checking = 0;
  #nobody;

  constructor(store) {
    this.#store = store;
  }

  /** Makes an account, unless there is one of that name. */
  async create({ id, username, password, email }) {
    const salt = randomBytes(SALT_BYTES);
    const hash = await derive(password, salt, HASH_BYTES, COST);
    const fields = {
      id,
      username,
      email,
      salt: salt.toString('base64url'),
      hash: hash.toString('base64url'),
    };
    await this.#store.change(PARTITION, {
      requires: [{ kind: 'absent', key: `account:${username}` }],
      steps: [
        { kind: 'put', key: `account:${username}`, fields, ttlMs: LIFE_MS },
        { kind: 'put', key: `user:${id}`, fields: { id, username, email }, ttlMs: LIFE_MS },
      ],
    });
  }

  /**
   * The user with that name and password; undefined for any other pair, after the same time. 'busy': try
   * again.
   */
  async check(username, password) {
    if (
      typeof username !== 'string' ||
      typeof password !== 'string' ||
      username.length > 100 ||
      password.length > 200
    )
      return undefined;
    if (this.#checking >= CHECKS_MAX) return 'busy';
    this.#checking++;
    try {
      const account =
        username === '' ? undefined : (await this.#store.read(PARTITION, `account:${username}`))?.fields;
      // A name that nobody has costs the same, or the time would tell which names there are.
      const { salt, hash } =
        account ??
        (this.#nobody ??= {
          salt: randomBytes(SALT_BYTES).toString('base64url'),
          hash: randomBytes(HASH_BYTES).toString('base64url'),
        });
      const derived = await derive(password, Buffer.from(salt, 'base64url'), HASH_BYTES, COST);
      const isRight = timingSafeEqual(derived, Buffer.from(hash, 'base64url'));
      return account !== undefined && isRight ? { id: account.id, username: account.username } : undefined;
    } finally {
      this.#checking--;
    }
  }

  /** What the "database" knows of a user. */
  async find(id) {
    const fields = (await this.#store.read(PARTITION, `user:${id}`))?.fields;
    return fields === undefined
      ? undefined
      : { id: fields.id, username: fields.username, email: fields.email };
  }
}
