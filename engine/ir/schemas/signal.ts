/** Windows, spectra over time, and Fourier transforms as decompositions leave them. */
export const SIGNAL_SCHEMAS: readonly string[] = [
  'aten::bartlett_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::bartlett_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, '
    + 'bool? pin_memory=None) -> Tensor',
  'aten::blackman_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::blackman_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, '
    + 'bool? pin_memory=None) -> Tensor',
  'aten::kaiser_window(int window_length, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::kaiser_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, '
    + 'bool? pin_memory=None) -> Tensor',
  'aten::kaiser_window.beta(int window_length, bool periodic, float beta, *, ScalarType? dtype=None, Layout? layout=None, '
    + 'Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::hamming_window.periodic(int window_length, bool periodic, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, '
    + 'bool? pin_memory=None) -> Tensor',
  'aten::hamming_window.periodic_alpha(int window_length, bool periodic, float alpha, *, ScalarType? dtype=None, Layout? layout=None, '
    + 'Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::hamming_window.periodic_alpha_beta(int window_length, bool periodic, float alpha, float beta, *, ScalarType? dtype=None, '
    + 'Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::stft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool normalized=False, '
    + 'bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor',
  "aten::stft.center(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, "
    + "str pad_mode='reflect', bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor",
  'aten::istft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, '
    + 'bool normalized=False, bool? onesided=None, int? length=None, bool return_complex=False) -> Tensor',
  'aten::fft_fftshift(Tensor self, int[1]? dim=None) -> Tensor', 'aten::fft_ifftshift(Tensor self, int[1]? dim=None) -> Tensor',
  'aten::fft_fftfreq(int n, float d=1., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::fft_rfftfreq(int n, float d=1., *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None) -> Tensor',
  'aten::_fft_c2c(Tensor self, SymInt[] dim, int normalization, bool forward) -> Tensor',
  'aten::_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor',
  'aten::_fft_c2r(Tensor self, int[] dim, int normalization, SymInt last_dim_size) -> Tensor',
  'aten::fft_hfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor',
  'aten::fft_ihfft(Tensor self, SymInt? n=None, int dim=-1, str? norm=None) -> Tensor',
];
