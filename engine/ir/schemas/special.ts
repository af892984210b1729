/** torch.special, and what of it has a name in torch. */
export const SPECIAL_SCHEMAS: readonly string[] = [
  'aten::lgamma(Tensor self) -> Tensor', 'aten::lgamma_(Tensor(a!) self) -> Tensor(a!)', 'aten::special_gammaln(Tensor self) -> Tensor',
  'aten::digamma(Tensor self) -> Tensor', 'aten::digamma_(Tensor(a!) self) -> Tensor(a!)', 'aten::special_digamma(Tensor self) -> Tensor',
  'aten::special_psi(Tensor self) -> Tensor', 'aten::erfinv(Tensor self) -> Tensor', 'aten::erfinv_(Tensor(a!) self) -> Tensor(a!)',
  'aten::special_erfinv(Tensor self) -> Tensor', 'aten::i0(Tensor self) -> Tensor', 'aten::i0_(Tensor(a!) self) -> Tensor(a!)',
  'aten::special_i0(Tensor self) -> Tensor', 'aten::mvlgamma(Tensor self, int p) -> Tensor', 'aten::mvlgamma_(Tensor(a!) self, int p) -> Tensor(a!)',
  'aten::special_i0e(Tensor self) -> Tensor', 'aten::special_i1(Tensor self) -> Tensor', 'aten::special_i1e(Tensor self) -> Tensor',
  'aten::special_multigammaln(Tensor self, int p) -> Tensor', 'aten::special_ndtr(Tensor self) -> Tensor',
  'aten::special_ndtri(Tensor self) -> Tensor', 'aten::special_entr(Tensor self) -> Tensor',
  'aten::special_xlog1py(Tensor self, Tensor other) -> Tensor', 'aten::special_xlog1py.other_scalar(Tensor self, Scalar other) -> Tensor',
  'aten::logaddexp2(Tensor self, Tensor other) -> Tensor',
];
