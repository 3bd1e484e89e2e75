import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crossingsBetween, crossingsOf } from '../../../src/engine/views/placing/crossings.ts';
import { layered } from '../../../src/engine/views/placing/layers.ts';
import { orderLayers } from '../../../src/engine/views/placing/order.ts';

/** Edges from a layer of points below 20 to the next, from 20 on. */
const edges = fc.array(fc.tuple(fc.nat(19), fc.integer({ min: 20, max: 39 })), { maxLength: 60 });

test('crossings are counted as by looking at each pair of edges', () => {
  fc.assert(
    fc.property(edges, (pairs) => {
      const after: number[][] = Array.from({ length: 20 }, () => []);
      for (const [from, to] of pairs) after[from]?.push(to);
      const layer = Array.from({ length: 20 }, (_, at) => at);
      const next = Array.from({ length: 20 }, (_, at) => 20 + at);
      const place = Int32Array.from([...layer, ...layer]);
      const crossed = pairs.flatMap(([from, to]) => pairs.filter(([other, end]) => from < other && to > end));
      expect(crossingsBetween(layer, next, after, place)).toBe(crossed.length);
    }),
  );
});

test('an order that takes more time has no more crossings, and every point', () => {
  let better = 0;
  const graphs = fc.array(fc.array(fc.nat(1000), { maxLength: 3 }), { minLength: 10, maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(graphs, (needs) => {
      const up = needs.map((list, at) => [...new Set(at === 0 ? [] : list.map((need) => need % at))]);
      const down: number[][] = up.map(() => []);
      for (const [at, list] of up.entries()) for (const need of list) down[need]?.push(at);
      const count = (isThorough: boolean): number => {
        const graph = layered({ up, down });
        orderLayers(graph, isThorough);
        expect(graph.layers.flat().sort((a, b) => a - b)).toEqual([...graph.before.keys()]);
        const place = new Int32Array(graph.before.length);
        for (const layer of graph.layers) for (const [at, point] of layer.entries()) place[point] = at;
        return crossingsOf(graph.layers, graph.after, place);
      };
      const [quick, thorough] = [count(false), count(true)];
      expect(thorough).toBeLessThanOrEqual(quick);
      if (thorough < quick) better++;
    }),
    { numRuns: 100 },
  );
  expect(better).toBeGreaterThan(50);
});
