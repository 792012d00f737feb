import { i32, i64, Locals, repeatWhile, wasmModule, when, type Code } from './wasm-module.js';

// https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
const P1 = i64.const(0x9e3779b185ebca87n);
const P2 = i64.const(0xc2b2ae3d27d4eb4fn);
const P3 = i64.const(0x165667b19e3779f9n);
const P4 = i64.const(0x85ebca77c2b2ae63n);
const P5 = i64.const(0x27d4eb2f165667c5n);
const ZERO = i64.const(0n);

/**
 * Where a slot has its hash, the length of its prefix, and the prefix, with zeros behind it for as long as a
 * suffix may be.
 */
export const SLOT_HASH = 0;
export const SLOT_LENGTH = 8;
export const SLOT_PREFIX = 12;

/**
 * `run(slot, slotsEnd, slotBytes, suffix, suffixBytes)`: XXH64 (seed 0) of the prefix in each slot and the
 * suffix behind it. Answers the slot of the greatest hash, the first of equals, or 0 if all are 0. In front
 * of the suffix are zeros, for as long as a prefix may be: so the text need not be put together, each word of
 * it is one of the slot OR one of the suffix.
 */
export function xxh64Wasm(): Uint8Array {
  const locals = new Locals();
  const [slot, slotsEnd, slotBytes, suffix, suffixBytes] = [
    locals.i32(),
    locals.i32(),
    locals.i32(),
    locals.i32(),
    locals.i32(),
  ];
  const [inSlot, inSuffix, length, left, greatestSlot] = [
    locals.i32(),
    locals.i32(),
    locals.i32(),
    locals.i32(),
    locals.i32(),
  ];
  const [hash, greatest] = [locals.i64(), locals.i64()];
  const lanes = [locals.i64(), locals.i64(), locals.i64(), locals.i64()] as const;
  const [lane1, lane2, lane3, lane4] = lanes;

  const read = (load: typeof i64.load, offset = 0): Code =>
    i64.or(load(inSlot.value, offset), load(inSuffix.value, offset));
  const whileLeft = (bytes: number, ...body: Code[]): Code =>
    repeatWhile(
      i32.atLeastUnsigned(left.value, i32.const(bytes)),
      ...body,
      inSlot.set(i32.add(inSlot.value, i32.const(bytes))),
      inSuffix.set(i32.add(inSuffix.value, i32.const(bytes))),
      left.set(i32.sub(left.value, i32.const(bytes))),
    );

  const eachSlot = repeatWhile(
    i32.lessUnsigned(slot.value, slotsEnd.value),
    inSlot.set(i32.add(slot.value, i32.const(SLOT_PREFIX))),
    inSuffix.set(i32.sub(suffix.value, i32.load(slot.value, SLOT_LENGTH))),
    length.set(i32.add(i32.load(slot.value, SLOT_LENGTH), suffixBytes.value)),
    left.set(length.value),
    hash.set(P5),
    when(
      i32.atLeastUnsigned(left.value, i32.const(32)),
      lane1.set(i64.add(P1, P2)),
      lane2.set(P2),
      lane3.set(ZERO),
      lane4.set(i64.sub(ZERO, P1)),
      whileLeft(32, ...lanes.map((lane, i) => lane.set(round(lane.value, read(i64.load, 8 * i))))),
      hash.set(
        i64.add(
          i64.add(rotated(lane1.value, 1), rotated(lane2.value, 7)),
          i64.add(rotated(lane3.value, 12), rotated(lane4.value, 18)),
        ),
      ),
      ...lanes.map((lane) => hash.set(mixed(hash.value, round(ZERO, lane.value), 0, P1, P4))),
    ),
    hash.set(i64.add(hash.value, i64.fromI32(length.value))),
    whileLeft(8, hash.set(mixed(hash.value, round(ZERO, read(i64.load)), 27, P1, P4))),
    whileLeft(4, hash.set(mixed(hash.value, i64.mul(read(i64.load4), P1), 23, P2, P3))),
    whileLeft(1, hash.set(mixed(hash.value, i64.mul(read(i64.load1), P5), 11, P1, ZERO))),
    hash.set(i64.mul(shifted(hash.value, 33), P2)),
    hash.set(i64.mul(shifted(hash.value, 29), P3)),
    hash.set(shifted(hash.value, 32)),
    i64.store(slot.value, hash.value, SLOT_HASH),
    when(
      i64.greaterUnsigned(hash.value, greatest.value),
      greatest.set(hash.value),
      greatestSlot.set(slot.value),
    ),
    slot.set(i32.add(slot.value, slotBytes.value)),
  );
  return wasmModule(locals, 5, [eachSlot, greatestSlot.value]);
}

function round(lane: Code, word: Code): Code {
  return i64.mul(rotated(i64.add(lane, i64.mul(word, P2)), 31), P1);
}

function mixed(hash: Code, word: Code, rotation: number, factor: Code, summand: Code): Code {
  return i64.add(i64.mul(rotated(i64.xor(hash, word), rotation), factor), summand);
}

function rotated(value: Code, by: number): Code {
  return i64.rotateLeft(value, i64.const(BigInt(by)));
}

/** Of a variable: the value stands there twice. */
function shifted(value: Code, by: number): Code {
  return i64.xor(value, i64.shiftRight(value, i64.const(BigInt(by))));
}
