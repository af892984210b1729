/**
 * Operators on numbers, strings, lists and dicts: PyTorch's torch/csrc/jit/runtime/register_prim_ops.cpp and register_special_ops.cpp.
 */

/** One operator for every pair of number types. `result` of an int pair and of any other pair. */
const arithmetic = (name: string, ints: string, floats: string, scalars = 'Scalar'): string[] => [
  `aten::${name}.int(int a, int b) -> ${ints}`,
  `aten::${name}.float(float a, float b) -> ${floats}`,
  `aten::${name}.int_float(int a, float b) -> ${floats}`,
  `aten::${name}.float_int(float a, int b) -> ${floats}`,
  `aten::${name}(Scalar a, Scalar b) -> ${scalars}`,
];

const comparison = (name: string): string[] => [...arithmetic(name, 'bool', 'bool', 'bool'), `aten::${name}.str(str a, str b) -> bool`];

const equality = (name: string): string[] => [
  ...comparison(name),
  `aten::${name}.bool(bool a, bool b) -> bool`,
  `aten::${name}.device(Device a, Device b) -> bool`,
  `aten::${name}.int_list(int[] a, int[] b) -> bool`,
  `aten::${name}.float_list(float[] a, float[] b) -> bool`,
  `aten::${name}.bool_list(bool[] a, bool[] b) -> bool`,
  `aten::${name}.str_list(str[] a, str[] b) -> bool`,
  `aten::${name}.Tensor_list(Tensor[] a, Tensor[] b) -> bool`,
];

const extremum = (name: string): string[] => [
  ...arithmetic(name, 'int', 'float').map((s) => s.replace('aten::', 'prim::')),
  `prim::${name}.int_list(int[] l, int[] r) -> int[]`,
  `prim::${name}.self_int(int[] self) -> int`,
  `prim::${name}.float_list(float[] l, float[] r) -> float[]`,
  `prim::${name}.self_float(float[] self) -> float`,
];

/** Number to number; `floor`, `ceil` and `round` of a float give what `result` says. */
const unaryMath = (name: string, int: string, float: string): string[] => [
  `aten::${name}.int(int a) -> ${int}`, `aten::${name}.float(float a) -> ${float}`, `aten::${name}.Scalar(Scalar a) -> Scalar`,
];

const dict = (key: string): string[] => [
  `aten::__getitem__.Dict_${key}(Dict(${key}, t) self, ${key} key) -> t(*)`,
  `aten::get.${key}(Dict(${key}, t) self, ${key} key) -> t(*)?`,
  `aten::get.default_${key}(Dict(${key}, t) self, ${key} key, t default_value) -> t(*)`,
  `aten::setdefault.${key}(Dict(${key}, t)(a!) self, ${key}(b -> *) key, t(c -> *) default_value) -> t(*)`,
  `aten::_set_item.${key}(Dict(${key}, t)(a!) l, ${key}(b -> *) idx, t(c -> *) v) -> ()`,
  `aten::__contains__.${key}(Dict(${key}, t) dict, ${key} key) -> bool`,
  `aten::keys.${key}(Dict(${key}, t) self) -> ${key}[](*)`,
  `aten::values.${key}(Dict(${key}, t) self) -> t[](*)`,
  `aten::items.${key}(Dict(${key}, t) self) -> ((${key}, t)[])`,
  `aten::len.Dict_${key}(Dict(${key}, t) self) -> int`,
  `aten::update.${key}(Dict(${key}, t)(a!) self, Dict(${key}, t)(a!) to_add) -> ()`,
  `aten::copy.Dict_${key}(Dict(${key}, t)(a) self) -> Dict(${key}, t)`,
  `aten::dict.Dict_${key}(Dict(${key}, t)(a) self) -> Dict(${key}, t)`,
  `aten::dict.${key}((${key}, tVal)[] inputs) -> Dict(${key}, tVal)`,
  `aten::clear.${key}(Dict(${key}, t)(a!) self) -> ()`,
  `aten::pop.Dict_${key}(Dict(${key}, t)(a!) self, ${key} key) -> t(*)`,
  `aten::Delete.Dict_${key}(Dict(${key}, t)(a!) self, ${key} key) -> ()`,
];

export const HOST_SCHEMAS: readonly string[] = [
  ...arithmetic('add', 'int', 'float'), ...arithmetic('sub', 'int', 'float'), ...arithmetic('mul', 'int', 'float'),
  'aten::add.str(str a, str b) -> str', 'aten::add.t(t[] a, t[] b) -> t[]', 'aten::add_.t(t[](a!) self, t[] b) -> t[]',
  'aten::mul.left_t(t[] l, int n) -> t[]', 'aten::mul.right_(int n, t[] l) -> t[]', 'aten::mul_.t(t[](a!) l, int n) -> t[](a!)', 'aten::mul.str(str a, int b) -> str',
  ...arithmetic('div', 'float', 'float', 'float'),
  ...arithmetic('floordiv', 'int', 'float'), ...arithmetic('remainder', 'int', 'float'), ...arithmetic('fmod', 'float', 'float', 'float'),
  ...arithmetic('pow', 'float', 'float'), 'aten::pow.int_to_int(int a, int b) -> int',
  'aten::__round_to_zero_floordiv.int(int a, int b) -> int', 'aten::__round_to_zero_floordiv(int a, int b) -> int',
  ...equality('eq'), ...equality('ne'),
  ...comparison('lt'), ...comparison('gt'), ...comparison('le'), ...comparison('ge'),
  ...extremum('max'), ...extremum('min'),
  ...unaryMath('neg', 'int', 'float'), ...unaryMath('floor', 'int', 'int'), ...unaryMath('ceil', 'int', 'int'), ...unaryMath('round', 'float', 'float'),
  ...unaryMath('sqrt', 'float', 'float'), ...unaryMath('exp', 'float', 'float'), ...unaryMath('log', 'float', 'float'), ...unaryMath('log2', 'float', 'float'),
  ...unaryMath('log10', 'float', 'float'), ...unaryMath('sin', 'float', 'float'), ...unaryMath('cos', 'float', 'float'), ...unaryMath('tanh', 'float', 'float'),
  ...unaryMath('tan', 'float', 'float'), ...unaryMath('atan', 'float', 'float'),
  'prim::abs.int(int a) -> int', 'prim::abs.float(float a) -> float', 'prim::abs.Scalar(Scalar a) -> Scalar', 'prim::abs(Tensor x) -> Tensor',
  'aten::isnan.float(float a) -> bool', 'aten::isinf.float(float a) -> bool', 'aten::isfinite.float(float a) -> bool',
  'aten::__and__.bool(bool a, bool b) -> bool', 'aten::__or__.bool(bool a, bool b) -> bool', 'aten::__xor__.bool(bool a, bool b) -> bool',
  'aten::__and__.int(int a, int b) -> int', 'aten::__or__.int(int a, int b) -> int', 'aten::__xor__.int(int a, int b) -> int',
  'aten::__lshift__.int(int a, int b) -> int', 'aten::__rshift__.int(int a, int b) -> int',
  'aten::__not__(bool self) -> bool', 'aten::__is__(t1 self, t2 obj) -> bool', 'aten::__isnot__(t1 self, t2 obj) -> bool',
  'aten::__range_length(int lo, int hi, int step) -> int', 'aten::__derive_index(int index, int start, int step) -> int',
  'aten::Int.Tensor(Tensor a) -> int', 'aten::Int.bool(bool a) -> int', 'aten::Int.float(float a) -> int', 'aten::Int.Scalar(Scalar a) -> int', 'aten::Int.str(str a) -> int',
  'aten::Float.Tensor(Tensor a) -> float', 'aten::Float.Scalar(Scalar a) -> float', 'aten::Float.int(int a) -> float', 'aten::Float.bool(bool a) -> float', 'aten::Float.str(str a) -> float',
  'aten::Bool.Tensor(Tensor a) -> bool', 'aten::Bool.int(int a) -> bool', 'aten::Bool.float(float a) -> bool', 'aten::Bool.Scalar(Scalar a) -> bool',
  'aten::IntImplicit(Tensor a) -> int', 'aten::FloatImplicit(Tensor a) -> float', 'aten::ScalarImplicit(Tensor a) -> Scalar',
  'aten::str(t elem) -> str', 'aten::format(str self, ...) -> str', 'aten::percentFormat(str self, ...) -> str', 'aten::device(str a) -> Device',
  'aten::device.with_index(str type, int index) -> Device',
  'aten::ord(str string) -> int', 'aten::hash.generic(t value) -> int', 'aten::lower(str self) -> str', 'aten::upper(str self) -> str', 'aten::startswith(str self, str substr, int start=0, int end=-1) -> bool',
  'aten::endswith(str self, str substr, int start=0, int end=-1) -> bool', 'aten::replace(str self, str old, str new, int max=-1) -> str', 'aten::join(str self, str[] values) -> str',
  'aten::split.str(str self, str? separator=None, int max=-1) -> str[]', 'aten::strip(str self, str chars=" \\n\\t\\f\\v") -> str',
  'aten::len.t(t[] a) -> int', 'aten::len.Tensor(Tensor t) -> int', 'aten::len.str(str s) -> int', 'aten::len.any(Any[] a) -> int',
  'aten::append.t(t[](a!) self, t(c -> *) el) -> t[](a!)', 'aten::extend.t(t[](a!) self, t[] other) -> ()', 'aten::insert.t(t[](a!) self, int idx, t(b -> *) el) -> ()',
  'aten::pop.t(t[](a!) self, int idx=-1) -> t(*)', 'aten::remove.int(int[](a!) self, int el) -> ()', 'aten::reverse.t(t[](a!) self) -> ()', 'aten::clear.t(t[](a!) self) -> ()',
  'aten::Delete.t(t[](a!) self, int idx) -> ()', 'aten::copy.t(t[](a) self) -> t[]', 'aten::list.t(t[] l) -> t[]', 'aten::list(str t) -> str[]',
  'aten::__getitem__.t(t[](a) list, int idx) -> t(*)', 'aten::__getitem__.str(str s, int index) -> str',
  'aten::_set_item.t(t[](a!) l, int idx, t(b -> *) el) -> t[](a!)',
  'aten::slice.t(t[] l, int? start=None, int? end=None, int step=1) -> t[]', 'aten::slice.str(str string, int? start=None, int? end=None, int step=1) -> str',
  'aten::__contains__.int_list(int[] l, int item) -> bool', 'aten::__contains__.float_list(float[] l, float item) -> bool', 'aten::__contains__.str_list(str[] l, str item) -> bool',
  'aten::__contains__.substr(str self, str substr) -> bool',
  'aten::index.list_int(int[] self, int el) -> int', 'aten::count.int(int[] self, int el) -> int', 'aten::sum.int(int[] self) -> int', 'aten::sum.float(float[] self) -> float',
  'aten::sum.bool(bool[] self) -> int', 'aten::all.int(int[] self) -> bool', 'aten::all.bool(bool[] self) -> bool', 'aten::any.int(int[] self) -> bool', 'aten::any.bool(bool[] self) -> bool',
  'aten::sort.int(int[](a!) self, bool reverse=False) -> ()', 'aten::sort.float(float[](a!) self, bool reverse=False) -> ()',
  'aten::sorted.int(int[](a) input) -> int[]', 'aten::sorted.float(float[](a) input) -> float[]',
  ...dict('str'), ...dict('int'), ...dict('float'), ...dict('bool'), 'aten::dict() -> Dict(str, Tensor)',
];

export const PRIM_SCHEMAS: readonly string[] = [
  'prim::NumToTensor.Scalar(Scalar a) -> Tensor', 'prim::NumToTensor.bool(bool a) -> Tensor', 'prim::RaiseException(str msg, str? cls=None) -> ()', 'prim::Print(...) -> ()',
  'prim::dtype(Tensor a) -> int', 'prim::device(Tensor a) -> Device', 'prim::layout(Tensor a) -> int', 'prim::shape(Tensor a) -> int[]', 'prim::requires_grad(Tensor a) -> bool',
  'prim::is_nested(Tensor a) -> bool', 'prim::is_cuda(Tensor a) -> bool', 'prim::is_cpu(Tensor a) -> bool', 'prim::is_sparse(Tensor a) -> bool', 'prim::is_quantized(Tensor a) -> bool',
  'prim::is_meta(Tensor a) -> bool', 'prim::is_mkldnn(Tensor a) -> bool', 'prim::is_mps(Tensor a) -> bool', 'prim::is_xla(Tensor a) -> bool', 'prim::is_sparse_csr(Tensor a) -> bool',
  'prim::data(Tensor(a) a) -> Tensor(a)', 'prim::grad(Tensor a) -> Tensor(*)', 'prim::itemsize(Tensor a) -> int', 'prim::name(Tensor a) -> str?',
  'prim::type(Device self) -> str', 'prim::index(Device self) -> int?',
  'prim::unchecked_unwrap_optional(t(a)? optional) -> t(a)', 'aten::_unwrap_optional(t(a)? optional) -> t(a)',
  'aten::warn(str message, int stacklevel=2) -> ()', 'aten::is_grad_enabled() -> bool', 'aten::is_autocast_enabled() -> bool', 'aten::is_autocast_cpu_enabled() -> bool', 'aten::set_grad_enabled(bool val) -> ()',
  'aten::is_scripting() -> bool', 'aten::save(t item, str filename) -> ()', 'aten::manual_seed(int seed) -> ()', 'aten::wait(t self) -> t',
  'aten::dim(Tensor self) -> int', 'aten::size(Tensor self) -> int[]', 'aten::size.int(Tensor self, int dim) -> int', 'aten::stride(Tensor self) -> int[]', 'aten::stride.int(Tensor self, int dim) -> int',
  'aten::numel(Tensor self) -> int', 'aten::storage_offset(Tensor self) -> int', 'aten::is_floating_point(Tensor self) -> bool', 'aten::is_complex(Tensor self) -> bool',
  'aten::is_signed(Tensor self) -> bool', 'aten::is_contiguous(Tensor self) -> bool', 'aten::is_contiguous.memory_format(Tensor self, MemoryFormat memory_format) -> bool',
  'aten::item(Tensor self) -> Scalar', 'aten::_local_scalar_dense(Tensor self) -> Scalar', 'aten::get_device(Tensor self) -> int', 'aten::is_nonzero(Tensor self) -> bool',
  'aten::is_same_size(Tensor self, Tensor other) -> bool', 'aten::equal(Tensor self, Tensor other) -> bool', 'aten::allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool',
  'aten::element_size(Tensor self) -> int', 'aten::q_scale(Tensor self) -> float', 'aten::q_zero_point(Tensor self) -> int', 'aten::qscheme(Tensor self) -> int', 'aten::tolist(Tensor self) -> Any',
  'aten::_shape_as_tensor(Tensor self) -> Tensor', 'aten::get_autocast_dtype(str device_type) -> int',
];
