import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { readBounded, type FileRefusal } from './bounded-file.js';
import type { Issue } from './problem.js';

/** A bundle of every public authority has a fifth of this. */
export const CERTIFICATE_BYTES_MAX = 1024 * 1024;

/** Files that a configuration names, relative to the folder that it stands in. */
export interface FileReader {
  resolve(path: string): string;
  /** Complains in `issues` when the file is not one or more certificates. */
  authority(path: string, at: readonly PropertyKey[], issues: Issue[]): void;
  read(path: string, at: readonly PropertyKey[], issues: Issue[]): Buffer | undefined;
}

export function filesOf(folder: string): FileReader {
  const files: FileReader = {
    resolve: (path) => resolve(folder, path),
    read(path, at, issues) {
      const full = resolve(folder, path);
      try {
        return readBounded(full, CERTIFICATE_BYTES_MAX);
      } catch (error) {
        issues.push({ path: at, message: `names ${full}, ${reason(error)}` });
      }
      return undefined;
    },
    authority(path, at, issues) {
      const content = files.read(path, at, issues);
      if (content !== undefined) certificate(content, resolve(folder, path), at, issues);
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
): void {
  const certContent = files.read(tls.cert, [...at, 'cert'], issues);
  const keyContent = files.read(tls.key, [...at, 'key'], issues);
  const cert = certContent && certificate(certContent, files.resolve(tls.cert), [...at, 'cert'], issues);
  const key = keyContent && privateKey(keyContent, files.resolve(tls.key), [...at, 'key'], issues);
  if (cert && key && !cert.checkPrivateKey(key)) {
    issues.push({
      path: [...at, 'key'],
      message: 'does not belong to the certificate in cert. Name the key that the certificate was made with.',
    });
  }
}

function certificate(
  content: Buffer,
  file: string,
  at: readonly PropertyKey[],
  issues: Issue[],
): X509Certificate | undefined {
  try {
    return new X509Certificate(content);
  } catch {
    issues.push({
      path: at,
      message: `names ${file}, which holds no PEM certificate. It should begin with -----BEGIN CERTIFICATE-----.`,
    });
    return undefined;
  }
}

function privateKey(
  content: Buffer,
  file: string,
  at: readonly PropertyKey[],
  issues: Issue[],
): KeyObject | undefined {
  try {
    return createPrivateKey(content);
  } catch {
    const isEncrypted = content.includes('ENCRYPTED');
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
