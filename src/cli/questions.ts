import { InvalidArgumentError } from 'commander';
import { CLIENTS, KEEPS } from '../control/presets.js';
import { rangeProblem } from '../route/address.js';
import type { Answers } from './advice-text.js';
import type { TextSink } from './surroundings.js';
import type { Terminal } from './terminal.js';

const USERS = '1/4 How many users does the service have, or will it have soon? [10000] ';

const WHO = `2/4 Who calls it?
    internal  machines of your network, with fixed addresses
    browsers  people
    api       programs with bearer tokens
    mixed     browsers and programs
  [mixed] `;

const WHAT = `3/4 What does an upstream keep of a user between two requests?
    nothing   or only in a store that all share
    copies    caches and the like: their loss costs time
    data      what no other upstream has
  [copies] `;

const PROXIES =
  '4/4 Which proxies stand in front of the gateway? Addresses or ranges with commas between, or none. [none] ';

/** Asks the four questions. Undefined: whoever was asked went away. */
export async function askAll(terminal: Terminal, stderr: TextSink): Promise<Answers | undefined> {
  const users = await ask(USERS, '10000', toUsers);
  const clients = users === undefined ? undefined : await ask(WHO, 'mixed', toClients);
  const keeps = clients === undefined ? undefined : await ask(WHAT, 'copies', toKeeps);
  const proxies = keeps === undefined ? undefined : await ask(PROXIES, 'none', toProxies);
  return users === undefined || proxies === undefined ? undefined : { users, clients, keeps, proxies };

  /** Until there is an answer that can be used. */
  async function ask<T>(
    question: string,
    standard: string,
    read: (text: string) => T,
  ): Promise<T | undefined> {
    for (;;) {
      const text = await terminal.ask(question);
      if (text === undefined) return undefined;
      try {
        return read(text.trim() === '' ? standard : text.trim());
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        stderr.write(`${error.message}\n`);
      }
    }
  }
}

/** `50000`, `50 000`, `10k`, `1.5M` */
export function toUsers(text: string): number {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)([kM]?)$/i.exec(text.replace(/[ _']/g, ''));
  const users =
    match === null
      ? 0
      : Number(match[1]) * (match[2] === '' ? 1 : match[2]!.toLowerCase() === 'k' ? 1000 : 1_000_000);
  if (users < 1) throw new InvalidArgumentError('Write a number above 0: 50000, 10k or 2M.');
  return Math.round(users);
}

export const toClients = oneOf(CLIENTS);
export const toKeeps = oneOf(KEEPS);

/** Addresses and ranges; none: an empty list. */
export function toProxies(text: string): readonly string[] {
  if (text === 'none') return [];
  const ranges = text.split(/[\s,]+/).filter((range) => range !== '');
  for (const range of ranges) {
    const problem = rangeProblem(range);
    if (problem !== undefined)
      throw new InvalidArgumentError(`"${range}" is not an address range. ${problem}`);
  }
  return ranges;
}

function oneOf<Word extends string>(words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((each) => each === text.toLowerCase());
    if (word === undefined) throw new InvalidArgumentError(`Write one of ${words.join(', ')}.`);
    return word;
  };
}
