import { TERMS_MAX } from "./memory-terms.ts";

/**
 * Tells which terms a line holds, by the rule that the search tools follow to the byte: ASCII letters in any case, everything
 * else in one of a term's spellings. So a tool that knows nothing of Unicode finds the same lines as one that does.
 */
export interface TermMatcher {
  /** Every spelling of every term, for a tool that searches for fixed strings with ASCII letters in any case. */
  readonly patterns: readonly string[];
  /** Returns the terms that the bytes from `start` to before `end` (UTF-8, well-formed or not) hold as a number, bit n for term n. */
  maskOf(bytes: Uint8Array, start: number, end: number): number;
  /** Returns those terms as text. */
  named(mask: number): readonly string[];
  /** Returns where the first of those terms begins in `text`; 0 where it was not found. */
  firstIn(text: string, mask: number): number;
}

/** @param terms at most `TERMS_MAX`, none empty */
export function createTermMatcher(terms: readonly string[]): TermMatcher {
  if (terms.length > TERMS_MAX) throw new Error(`${terms.length} terms; at most ${TERMS_MAX} fit into a number`);
  const spellings = terms.map(spellingsOf);
  const numbers = terms.map((_, index) => index);
  const inMask = (mask: number): readonly number[] => numbers.filter((index) => (mask & (1 << index)) !== 0);
  return {
    patterns: [...new Set(spellings.flat())],
    maskOf: createScanner(spellings.flatMap((forms, index) => forms.map((form) => ({ form, bit: 1 << index })))),
    named: (mask) => inMask(mask).flatMap((index) => terms[index] ?? []),
    firstIn(text, mask) {
      const folded = foldAscii(text);
      const places = inMask(mask)
        .flatMap((index) => spellings[index] ?? [])
        .map((form) => folded.indexOf(form))
        .filter((place) => place !== -1);
      return places.length === 0 ? 0 : Math.min(...places);
    },
  };
}

/**
 * Returns how a term may be written: as it is, small, in capitals, with a capital at its front; each composed and decomposed, as
 * file systems and editors differ in that. ASCII letters are small in all of them, so an English term has one spelling.
 */
function spellingsOf(term: string): readonly string[] {
  const [first = ""] = term;
  const forms = [
    term,
    term.toLowerCase(),
    term.toUpperCase(),
    first.toUpperCase() + term.slice(first.length).toLowerCase(),
  ];
  return [...new Set(forms.flatMap((form) => [form.normalize("NFC"), form.normalize("NFD")]).map(foldAscii))];
}

function foldAscii(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

interface Node {
  readonly next: Map<number, Node>;
  mask: number;
  /** Where this node's row begins. */
  readonly row: number;
}

/**
 * Returns a function that looks for all forms in one pass (Aho and Corasick's automaton as a table), so that it costs the same
 * for thirty terms as for one. A row has a column for each byte that occurs in the forms (one for all others), and the mask.
 */
function createScanner(forms: readonly { readonly form: string; readonly bit: number }[]): TermMatcher["maskOf"] {
  const words = forms.map(({ form, bit }) => ({ bytes: new TextEncoder().encode(form), bit }));
  const columns = columnsOf(words.flatMap(({ bytes }) => [...bytes]));
  const width = Math.max(...columns) + 2;
  const nodes: Node[] = [];
  const addNode = (): Node => {
    const node = { next: new Map(), mask: 0, row: nodes.length * width };
    nodes.push(node);
    return node;
  };
  const root = addNode();
  for (const { bytes, bit } of words) {
    let node = root;
    for (const byte of bytes) {
      const column = columns[byte] ?? 0;
      const next = node.next.get(column) ?? addNode();
      node.next.set(column, next);
      node = next;
    }
    node.mask |= bit;
  }
  const table = tableOf(root, nodes.length, width);
  const maskColumn = width - 1;
  return (bytes, start, end) => {
    let row = 0;
    let mask = 0;
    for (let index = start; index < end; index += 1) {
      row = table[row + (columns[bytes[index] ?? 0] ?? 0)] ?? 0;
      mask |= table[row + maskColumn] ?? 0;
    }
    return mask;
  };
}

/** Returns the column of each byte, 0 for one that occurs in no form. A capital letter has the column of the small one. */
function columnsOf(bytes: readonly number[]): Uint8Array {
  const columns = new Uint8Array(256);
  for (const [index, byte] of [...new Set(bytes)].entries()) columns[byte] = index + 1;
  for (let capital = 0x41; capital <= 0x5a; capital += 1) columns[capital] = columns[capital + 0x20] ?? 0;
  return columns;
}

/** Rows in breadth-first order: where a form cannot go on, its row goes on as the longest ending of it that begins a form does. */
function tableOf(root: Node, nodeCount: number, width: number): Int32Array {
  const table = new Int32Array(nodeCount * width);
  const queue: { readonly node: Node; readonly fallback: number }[] = [{ node: root, fallback: 0 }];
  for (const { node, fallback } of queue) {
    table.copyWithin(node.row, fallback, fallback + width);
    table[node.row + width - 1] = node.mask | (table[fallback + width - 1] ?? 0);
    for (const [column, next] of node.next) {
      queue.push({ node: next, fallback: node === root ? 0 : (table[fallback + column] ?? 0) });
      table[node.row + column] = next.row;
    }
  }
  return table;
}
