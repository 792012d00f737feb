import { defineConfig } from 'vitest/config';
import config from './vitest.config.js';

/** The same tests with the runtime that runs vitest: Bun. Everything goes through vite, as Bun would otherwise load some modules twice. */
export default defineConfig({ test: { ...config.test, server: { deps: { inline: [/.*/] } } } });
