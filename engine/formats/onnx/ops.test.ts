import { describe, expect, it } from 'vitest';
import { Draw, MAKERS, modelOf, type OpCase } from './ops.cases.ts';
import { KNOWN_OPS } from './ops/index.ts';
import { difference, modelBytes, peerRun, runOnnx, withFile } from './testing.ts';

/** Draws an operator: attributes, ranks, opsets and constants change from one to the next. */
const DRAWS = 10;

/** An integer result may be one off where a quotient lies half way between two. */
const toleranceOf = (c: OpCase): number => c.tolerance ?? (c.op === 'QuantizeLinear' ? 1 : 2e-5);

/** Messages of what differs from ONNX Runtime; a case that it refuses is not counted. */
async function check(c: OpCase): Promise<{ ran: boolean; problems: string[] }> {
  const { model, feeds } = modelOf(c);
  const bytes = modelBytes(model);
  let want: Awaited<ReturnType<typeof peerRun>>;
  try {
    want = await peerRun(bytes, feeds);
  } catch {
    return { ran: false, problems: [] };
  }
  const problems: string[] = [];
  await withFile(bytes, async (path) => {
    for (const mode of ['eager', 'scripted'] as const) {
      try {
        const got = await runOnnx(path, Object.values(feeds), mode);
        for (const [i, w] of want.entries()) {
          const d = difference(got[i], w);
          if (!(d <= toleranceOf(c))) problems.push(`${mode}, output ${i}: off by ${d}, shapes [${got[i]?.meta.shape.join()}] and [${w.shape.join()}]`);
        }
      } catch (e) {
        problems.push(`${mode}: ${(e as Error).message}`);
      }
    }
  });
  return { ran: true, problems: problems.map((p) => `${p} in ${JSON.stringify({ ...c, inputs: c.inputs.map((v) => (v && 'constant' in v ? { constant: v.constant.shape } : v?.shape)) })}`) };
}

describe('each operator gives what ONNX Runtime gives', () => {
  for (const [name, make] of Object.entries(MAKERS)) {
    it(name, { timeout: 60_000 }, async () => {
      const problems: string[] = [];
      let ran = 0;
      for (let i = 0; i < DRAWS; i++) {
        const outcome = await check(make(new Draw(1000 * i + name.length * 7 + name.charCodeAt(0))));
        if (outcome.ran) ran++;
        problems.push(...outcome.problems);
      }
      expect(problems).toEqual([]);
      expect(ran).toBeGreaterThanOrEqual(DRAWS / 2);
    });
  }
});

/** Those whose tests are elsewhere, or that no release of the peer runs. */
const TESTED_ELSEWHERE = new Set(['Constant', 'If', 'Loop', 'QLinearConv', 'QLinearMatMul', 'Swish', 'RMSNormalization', 'Acos', 'Asin', 'Acosh', 'Asinh', 'Atanh', 'Cosh', 'Sinh',
  'BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor', 'CastLike', 'EyeLike', 'Mod', 'Scatter', 'ScatterElements', 'ScatterND']);

it('no operator of the table goes untested', () => {
  const drawn = new Set(Object.values(MAKERS).map((make) => make(new Draw(1)).op));
  expect(KNOWN_OPS.filter((op) => !drawn.has(op) && !TESTED_ELSEWHERE.has(op))).toEqual([]);
});
