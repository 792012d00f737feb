import { createRequire } from 'node:module';
import { StickyError } from '../../../base/errors.js';

type Lmdb = typeof import('lmdb');

const require = createRequire(import.meta.url);

/**
 * The package `lmdb`, loaded with the first store: it brings 18 MB, so only apps that keep state in a file
 * install it.
 */
export function lmdbPackage(): Lmdb {
  try {
    return require('lmdb') as Lmdb;
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    throw new StickyError(
      'STICKY_STORE_MISUSED',
      isMissing
        ? 'lmdbStore needs the package lmdb, which is not installed here. Install it in your app: npm install lmdb'
        : `lmdbStore can't load the package lmdb: ${(cause as Error).message}. Install it again on this machine: npm install lmdb`,
      { cause },
    );
  }
}
