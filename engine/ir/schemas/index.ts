import { SchemaTable } from '../schemaTable.ts';
import { FURTHER_SCHEMAS } from './further.ts';
import { HOST_SCHEMAS, PRIM_SCHEMAS } from './host.ts';
import { LINALG_SCHEMAS } from './linalg.ts';
import { NN_SCHEMAS } from './nn.ts';
import { NUMERIC_SCHEMAS } from './numeric.ts';
import { POINTWISE_SCHEMAS } from './pointwise.ts';
import { PYTHON_SCHEMAS } from './python.ts';
import { QUANTIZED_SCHEMAS } from './quantized.ts';
import { SHAPE_SCHEMAS } from './shape.ts';
import { SIGNAL_SCHEMAS } from './signal.ts';
import { SPECIAL_SCHEMAS } from './special.ts';
import { TENSOR_SCHEMAS } from './tensor.ts';

/** Every schema that lowering, printing and running know, by PyTorch's own text. To add an operator, add its line to one of the lists. */
const LISTS = [POINTWISE_SCHEMAS, NN_SCHEMAS, SHAPE_SCHEMAS, TENSOR_SCHEMAS, NUMERIC_SCHEMAS, QUANTIZED_SCHEMAS, HOST_SCHEMAS, PYTHON_SCHEMAS, PRIM_SCHEMAS,
  LINALG_SCHEMAS, SIGNAL_SCHEMAS, SPECIAL_SCHEMAS, FURTHER_SCHEMAS];

let table: SchemaTable | undefined;

/** The one table of schemas; parsed when first asked for. */
export function schemas(): SchemaTable {
  if (!table) {
    table = new SchemaTable();
    for (const list of LISTS) for (const text of list) table.add(text);
  }
  return table;
}
