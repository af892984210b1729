import { parseSchemaLater } from '../../ir/schema.ts';
import type { Operator } from '../operator.ts';
import { isTensor } from '../value.ts';

/** PyTorch's other names for an operator, with the same arguments. */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  atan2: ['arctan2'], div: ['divide'], outer: ['ger'], xlogy: ['special_xlogy'], log_softmax: ['special_log_softmax'], logit: ['special_logit'],
  logsumexp: ['special_logsumexp'], sinc: ['special_sinc'], stack: ['_stack'], cdist: ['_cdist_forward'], adaptive_avg_pool3d: ['_adaptive_avg_pool3d'],
  split_with_sizes: ['unsafe_split_with_sizes'], index_put: ['_unsafe_index_put'], prelu: ['_prelu_kernel'], embedding_bag: ['_embedding_bag', '_embedding_bag_forward_only'],
  softmax: ['_safe_softmax'], logcumsumexp: ['_logcumsumexp'], trapezoid: ['trapz'],
};

/** Functions of a tensor that PyTorch has in place too, `NAME_`, beside those that say so where they are. */
const IN_PLACE = new Set([
  'absolute', 'negative', 'arcsin', 'arccos', 'arctan', 'arcsinh', 'arccosh', 'arctanh', 'fix', 'sgn', 'atan2', 'arctan2', 'copysign', 'xlogy', 'hypot', 'heaviside', 'float_power',
  'cumsum', 'cumprod', 'divide', 'subtract', 'less', 'less_equal', 'greater', 'greater_equal', 'not_equal',
]);

const renamed = (o: Operator, name: string): Operator => ({ ...o, schema: o.schema.replace(/^aten::\w+/, `aten::${name}`) });

/** The in-place form of a function of its first argument. */
const inPlace = (o: Operator, name: string): Operator => ({
  schema: renamed(o, `${name}_`).schema.replace('(Tensor self', '(Tensor(a!) self').replace('-> Tensor', '-> Tensor(a!)'),
  run: async (ctx, a) => {
    const result = await o.run(ctx, a);
    return isTensor(result) ? ctx.assign(a.tensor(0), result) : result;
  },
  pure: false,
});

/** Other names and in-place forms of operators that are there; what a list already has stays its own. */
export function aliasOperators(lists: readonly (readonly Operator[])[]): Operator[] {
  const all = lists.flat();
  const key = (o: Operator): string => o.schema.slice(0, o.schema.indexOf('('));
  const known = new Set(all.map(key));
  const nameOf = (o: Operator): string => parseSchemaLater(o.schema).name.replace('aten::', '');
  const others = all.flatMap((o) => (o.schema.startsWith('aten::') && !/\.(out|padding_idx)\(/.test(o.schema) ? OTHER_NAMES[nameOf(o)] ?? [] : []).map((name) => renamed(o, name)));
  const both = [...all, ...others];
  return [...others, ...both.flatMap((o) => (IN_PLACE.has(nameOf(o)) && o.schema.includes('(Tensor self') ? [inPlace(o, nameOf(o))] : []))]
    .filter((o) => !known.has(key(o)));
}
