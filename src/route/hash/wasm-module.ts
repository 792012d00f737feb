/**
 * WebAssembly as the bytes that it is written in. An expression leaves its value where the instruction around
 * it takes it from: operands come first.
 */
export type Code = readonly number[];
type Unary = (value: Code) => Code;
type Binary = (left: Code, right: Code) => Code;

// Opcodes: https://webassembly.github.io/spec/core/binary/instructions.html
const I32 = 0x7f;
const I64 = 0x7e;
const NO_VALUE = 0x40;
const END = 0x0b;

export const i32 = {
  add: binary(0x6a),
  sub: binary(0x6b),
  isZero: unary(0x45),
  lessUnsigned: binary(0x49),
  atLeastUnsigned: binary(0x4f),
  const: (value: number): Code => [0x41, ...signed(BigInt(value))],
  load: loading(0x28),
};

export const i64 = {
  add: binary(0x7c),
  sub: binary(0x7d),
  mul: binary(0x7e),
  greaterUnsigned: binary(0x56),
  or: binary(0x84),
  xor: binary(0x85),
  shiftRight: binary(0x88),
  rotateLeft: binary(0x89),
  fromI32: unary(0xad),
  const: (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))],
  load: loading(0x29),
  /** 4 bytes, and 1, without sign. */
  load4: loading(0x35),
  load1: loading(0x31),
  store: (at: Code, value: Code, offset = 0): Code => [...at, ...value, 0x37, 0, offset],
};

/**
 * The variables of a function. Its parameters are declared first, as the type of function that `wasmModule`
 * makes wants them: all `i32`.
 */
export class Locals {
  readonly types: number[] = [];

  i32(): Local {
    return new Local(this.types.push(I32) - 1);
  }

  i64(): Local {
    return new Local(this.types.push(I64) - 1);
  }
}

export class Local {
  readonly value: Code;
  readonly #index: number;

  constructor(index: number) {
    this.#index = index;
    this.value = [0x20, index];
  }

  set(value: Code): Code {
    return [...value, 0x21, this.#index];
  }
}

export function repeatWhile(condition: Code, ...body: Code[]): Code {
  return [
    0x02,
    NO_VALUE,
    0x03,
    NO_VALUE,
    ...i32.isZero(condition),
    0x0d,
    1,
    ...body.flat(),
    0x0c,
    0,
    END,
    END,
  ];
}

export function when(condition: Code, ...body: Code[]): Code {
  return [...condition, 0x04, NO_VALUE, ...body.flat(), END];
}

/**
 * A module of one function, exported as `run`, whose body leaves the `i32` that it answers, and one memory,
 * exported as `memory`, of one page at first.
 */
export function wasmModule(locals: Locals, params: number, body: readonly Code[]): Uint8Array {
  const declared = locals.types.slice(params).map((type) => [1, type]);
  const code = [...vector(declared), ...body.flat(), END];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [0x60, ...vector(new Array(params).fill([I32])), 1, I32]),
    ...section(3, [0]),
    ...section(5, [0, 1]),
    ...section(7, [...name('run'), 0, 0], [...name('memory'), 2, 0]),
    ...section(10, [...unsigned(code.length), ...code]),
  ]);
}

function section(id: number, ...entries: Code[]): Code {
  const content = vector(entries);
  return [id, ...unsigned(content.length), ...content];
}

function vector(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()];
}

function name(text: string): Code {
  return [text.length, ...Buffer.from(text, 'latin1')];
}

function unary(opcode: number): Unary {
  return (value) => [...value, opcode];
}

function binary(opcode: number): Binary {
  return (left, right) => [...left, ...right, opcode];
}

/** `offset`: up to 127 bytes behind the address. */
function loading(opcode: number): (at: Code, offset?: number) => Code {
  return (at, offset = 0) => [...at, opcode, 0, offset];
}

/** LEB128: seven bits a byte, the lowest first; the highest bit says that more follow. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: bigint): Code {
  const byte = Number(value & 0x7fn);
  return value >= -0x40n && value < 0x40n ? [byte] : [byte | 0x80, ...signed(value >> 7n)];
}
