/** An item of a heap; `at` is the heap's own: the item's place in it, -1 in none. An item is in one heap at a time. */
export interface HeapItem {
  at: number;
}

/** A binary heap that finds an item's place by itself: adding, taking and removing any item cost O(log n). */
export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];
  readonly #isBefore: (one: Item, other: Item) => boolean;

  constructor(isBefore: (one: Item, other: Item) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first item. */
  get first(): Item | undefined {
    return this.#items[0];
  }

  /** All items, in no order. */
  get items(): readonly Item[] {
    return this.#items;
  }

  has(item: Item): boolean {
    return this.#items[item.at] === item;
  }

  add(item: Item): void {
    this.#items.push(item);
    this.#rise(item, this.#items.length - 1);
  }

  /** Removes `item` if it is in this heap. */
  remove(item: Item): void {
    if (!this.has(item)) return;
    const { at } = item;
    item.at = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#rise(last, at);
    this.#sink(last, last.at);
  }

  #rise(item: Item, from: number): void {
    let at = from;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#items[parentAt];
      if (parent === undefined || !this.#isBefore(item, parent)) break;
      this.#place(parent, at);
      at = parentAt;
    }
    this.#place(item, at);
  }

  #sink(item: Item, from: number): void {
    let at = from;
    for (;;) {
      const [left, right] = [this.#items[2 * at + 1], this.#items[2 * at + 2]];
      if (left === undefined) break;
      const child = right !== undefined && this.#isBefore(right, left) ? right : left;
      if (!this.#isBefore(child, item)) break;
      const childAt = child.at;
      this.#place(child, at);
      at = childAt;
    }
    this.#place(item, at);
  }

  #place(item: Item, at: number): void {
    this.#items[at] = item;
    item.at = at;
  }
}
