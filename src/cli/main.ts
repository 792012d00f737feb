#!/usr/bin/env node
import { npmAncestors } from './ancestors.js';

// First of all, before anything else is loaded: SIGUSR1 would open Node's debugger, on a port that anybody on
// this machine may use to run code in the gateway, and SIGUSR2 would end it. npm may be gone in a moment.
for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {});
const ancestors = npmAncestors(process.env);

const { main } = await import('./program.js');
await main(ancestors);
