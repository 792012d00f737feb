import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { readBounded, type FileRefusal } from './bounded-file.js';
import type { Certificate, PemFile } from './config.js';
import type { Issue } from './problem.js';

/** A bundle of every public authority has a fifth of this. */
const CERTIFICATE_BYTES_MAX = 1024 * 1024;

/** Files that a configuration names, relative to the folder that it stands in. */
export interface FileReader {
  readonly folder: string;
  /** Complains in `issues` when the file is not one or more certificates. */
  authority(path: string, at: readonly PropertyKey[], issues: Issue[]): PemFile | undefined;
  read(path: string, at: readonly PropertyKey[], issues: Issue[]): PemFile | undefined;
}

export function filesOf(folder: string): FileReader {
  const files: FileReader = {
    folder: resolve(folder),
    read(path, at, issues) {
      const file = resolve(folder, path);
      try {
        return { file, text: readBounded(file, CERTIFICATE_BYTES_MAX).toString('utf8') };
      } catch (error) {
        issues.push({ path: at, message: `names ${file}, ${reason(error)}` });
      }
      return undefined;
    },
    authority(path, at, issues) {
      const pem = files.read(path, at, issues);
      if (pem !== undefined) certificate(pem, at, issues);
      return pem;
    },
  };
  return files;
}

/** A certificate and its key, checked before a listener or a running gateway depends on them. */
export function certificateFiles(
  tls: { cert: string; key: string },
  files: FileReader,
  at: readonly PropertyKey[],
  issues: Issue[],
): Certificate | undefined {
  const cert = files.read(tls.cert, [...at, 'cert'], issues);
  const key = files.read(tls.key, [...at, 'key'], issues);
  const certObject = cert && certificate(cert, [...at, 'cert'], issues);
  const keyObject = key && privateKey(key, [...at, 'key'], issues);
  if (certObject && keyObject && !certObject.checkPrivateKey(keyObject)) {
    issues.push({
      path: [...at, 'key'],
      message: 'does not belong to the certificate in cert. Name the key that the certificate was made with.',
    });
  }
  return cert && key && { cert, key };
}

function certificate(
  { file, text }: PemFile,
  at: readonly PropertyKey[],
  issues: Issue[],
): X509Certificate | undefined {
  try {
    return new X509Certificate(text);
  } catch {
    issues.push({
      path: at,
      message: `names ${file}, which holds no PEM certificate. It should begin with -----BEGIN CERTIFICATE-----.`,
    });
    return undefined;
  }
}

function privateKey(
  { file, text }: PemFile,
  at: readonly PropertyKey[],
  issues: Issue[],
): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    const isEncrypted = text.includes('ENCRYPTED');
    const message = isEncrypted
      ? 'which is encrypted. Take off its passphrase: openssl pkey -in KEY -out PLAIN.'
      : 'which holds no PEM private key. It should begin with -----BEGIN PRIVATE KEY-----.';
    issues.push({ path: at, message: `names ${file}, ${message}` });
    return undefined;
  }
}

/** Why a file can't be read, and what to do. `base`: where a relative path starts. */
export function reason(error: unknown, base = 'the folder of the configuration'): string {
  switch ((error as NodeJS.ErrnoException | FileRefusal).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `which is not there. Check the path; a relative one starts at ${base}.`;
    case 'EACCES':
    case 'EPERM':
      return 'which this user may not read. Change its permissions, or run as another user.';
    case 'EISDIR':
      return 'which is a folder. Name the file in it.';
    case 'TOO_LARGE':
      return `which ${(error as Error).message}. Is it the right file?`;
    case 'NO_FILE':
      return 'which is a pipe, a device or a socket. Name a file.';
    case 'SILENT':
      return 'which is a pipe to which nothing is written. Name a file.';
    case 'ENXIO':
      return 'which is a socket or a device that is not there. Name a file.';
    default:
      return `which can't be read (${(error as NodeJS.ErrnoException).code ?? 'unknown reason'}).`;
  }
}
