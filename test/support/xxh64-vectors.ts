export const PRIME = 2654435761;

/** The first 222 bytes of the buffer of xxHash's own sanity check (`tests/sanity_test.c`). */
export const SANITY = (() => {
  let text = '';
  let state = BigInt(PRIME);
  for (let i = 0; i < 222; i++) {
    text += String.fromCharCode(Number(state >> 56n));
    state = BigInt.asUintN(64, state * 11400714785074694797n);
  }
  return text;
})();

export const ALL_BYTES = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));

// Made with xxhash 4.0.1 for Python: xxhash.xxh64_hexdigest(bytes, seed), seed 0, 1 and 2654435761. The first
// five of the sanity buffer that are 0, 1, 4, 14 and 222 bytes long are those that xxHash itself checks.
export const XXH64_KNOWN: [string, string, string, string, string][] = [
  ['nothing', '', 'ef46db3751d8e999', 'd5afba1336a3be4b', 'ac75fda2929b17ef'],
  [
    '1 byte of the sanity buffer',
    SANITY.slice(0, 1),
    'e934a84adb052768',
    '771917c7f6ee2451',
    '5014607643a9b4c3',
  ],
  ['4 bytes of it', SANITY.slice(0, 4), '9136a0dca57457ee', '4565228a2f49b70e', 'caab286bd8e9fdb5'],
  ['14 bytes of it', SANITY.slice(0, 14), '8282dcc4994e35c8', '7a90ca5f670f9d68', 'c3bd6bf63deb6df0'],
  ['31 bytes of it', SANITY.slice(0, 31), '299b39a290e6d783', '92ed4854d8c6ce8e', 'da673d5feb5c1d79'],
  [
    '32 bytes of it, one full stripe',
    SANITY.slice(0, 32),
    '18b216492bb44b70',
    '45b462ff81484f35',
    'b3f33bdf93ade409',
  ],
  ['33 bytes of it', SANITY.slice(0, 33), '55c8dc3e578f5b59', 'dc168c777660df5c', 'e92c292f64bc3071'],
  ['64 bytes of it', SANITY.slice(0, 64), 'ef558f8acac2b5cd', 'f90d1b561997cba1', 'b5eeba99264cc44f'],
  ['101 bytes of it', SANITY.slice(0, 101), 'a51ea2101b2d114c', '9b6515ac3e5efac3', '6b38a5bbba1f049c'],
  ['222 bytes of it', SANITY, 'b641ae8cb691c174', '4e3c96bb219f6291', '20cb8ab7ae10c14a'],
  ['three bytes', 'abc', '44bc2cf5ad770999', 'bea9ca8199328908', '1318df30094a85fd'],
  ['seven bytes', 'user:42', 'dc1fea7da8d2d1c2', '2396108e3b1a682b', 'be30d68f4b5e90a0'],
  [
    '41 bytes',
    'user:0123456789abcdefghijklmnopqrstuvwxyz',
    '056cf7af03ae1a48',
    '7caf0f4f4c848a8d',
    'bea3a890b94fd548',
  ],
  ['every byte', ALL_BYTES, '1facbe8406cd904b', 'beec1eb06d6a56f7', 'd48195f45908996c'],
];
