/** Helpers of the tests of this folder: exported programs made by hand. */
import { zipSync } from 'fflate';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const tensor = (name: string): Json => ({ as_tensor: { name } });
export const int = (v: number): Json => ({ as_int: v });
export const ints = (...v: number[]): Json => ({ as_ints: v });
export const bool = (v: boolean): Json => ({ as_bool: v });
export const float = (v: number): Json => ({ as_float: v });
export const symInt = (name: string): Json => ({ as_sym_int: { as_name: name } });

type Inputs = Readonly<Record<string, Json>> | readonly Json[];

/** A node; `stack` lists the calls around it as `path:type`, and `path@1:type` for a second call. */
export function node(target: string, inputs: Inputs, outputs: readonly Json[], stack: readonly string[] | null = []): Json {
  const args = Array.isArray(inputs) ? (inputs as readonly Json[]).map((arg) => ({ name: '', arg })) : Object.entries(inputs).map(([name, arg]) => ({ name, arg: arg as Json }));
  const entries = ['L__self__,,__main__.Model', ...(stack ?? []).map((s) => {
    const [call, type] = s.split(':') as [string, string];
    return `L__self__${call},${call.replace(/@\d+$/, '')},${type}`;
  })];
  return {
    target, inputs: args, outputs,
    metadata: { stack_trace: 'File "model.py", line 7, in forward\n    y = f(x)', ...(stack ? { nn_module_stack: entries.join(';') } : {}) },
  };
}

export interface ProgramSpec {
  readonly nodes: readonly Json[];
  /** Path to sizes; the values are 0.1, 0.2, ... in order. */
  readonly parameters?: Readonly<Record<string, readonly number[]>>;
  /** Placeholders of user inputs; default one tensor `x`. */
  readonly inputs?: readonly Json[];
  readonly outputs: readonly Json[];
  readonly outSpec?: string;
  readonly outputSpecs?: readonly Json[];
}

/** The placeholder of a parameter: `p_fc_weight` for `fc.weight`. */
export const parameter = (path: string): Json => tensor(`p_${path.replaceAll('.', '_')}`);

const meta = (sizes: readonly number[]): Json => ({
  dtype: 7, sizes: sizes.map((s) => ({ as_int: s })), requires_grad: true, device: { type: 'cpu', index: null },
  strides: sizes.map((_, i) => ({ as_int: sizes.slice(i + 1).reduce((a, b) => a * b, 1) })), storage_offset: { as_int: 0 }, layout: 7,
});

/** The program's JSON. */
export function programJson(spec: ProgramSpec): { readonly [key: string]: Json } {
  const paths = Object.keys(spec.parameters ?? {});
  const inputs = spec.inputs ?? [tensor('x')];
  const signature = spec.outSpec === undefined ? null : { inputs: [], outputs: [], in_spec: '', out_spec: spec.outSpec, forward_arg_names: ['x'] };
  return {
    graph_module: {
      graph: {
        inputs: [...paths.map(parameter), ...inputs], outputs: spec.outputs, nodes: spec.nodes,
        tensor_values: {}, sym_int_values: {}, sym_bool_values: {},
      },
      signature: {
        input_specs: [
          ...paths.map((p) => ({ parameter: { arg: (parameter(p) as { as_tensor: Json }).as_tensor, parameter_name: p } })),
          ...inputs.map((arg) => ({ user_input: { arg } })),
        ],
        output_specs: spec.outputSpecs ?? spec.outputs.map((arg) => ({ user_output: { arg } })),
      },
      module_call_graph: [{ fqn: '', signature }],
    },
    opset_version: { aten: 10 }, range_constraints: {}, schema_version: { major: 8, minor: 17 }, torch_version: '2.11.0',
  };
}

/** Members of the archive of a program. */
export function members(spec: ProgramSpec): Record<string, Uint8Array> {
  const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);
  const config: Record<string, Json> = {};
  const out: Record<string, Uint8Array> = { 'm/archive_format': utf8('pt2'), 'm/byteorder': utf8('little'), 'm/models/model.json': utf8(JSON.stringify(programJson(spec))) };
  Object.entries(spec.parameters ?? {}).forEach(([path, sizes], i) => {
    config[path] = { path_name: `weight_${i}`, is_param: true, use_pickle: false, tensor_meta: meta(sizes) };
    const count = sizes.reduce((a, b) => a * b, 1);
    out[`m/data/weights/weight_${i}`] = new Uint8Array(Float32Array.from({ length: count }, (_, k) => (k + 1) / 10).buffer);
  });
  out['m/data/weights/model_weights_config.json'] = utf8(JSON.stringify({ config }));
  out['m/data/constants/model_constants_config.json'] = utf8('{"config": {}}');
  return out;
}

export const archive = (spec: ProgramSpec): Uint8Array => zipSync(members(spec), { level: 0 });
