/** `stickyroute/sources`: where upstreams come from while a program runs, for `createClient`. */
export { dns, file, kubernetes } from './standalone.js';
export type { SourceSurroundings } from './standalone.js';
export type { Source, SourceListener, SourceNews } from '../../route/pool/source.js';
