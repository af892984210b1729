/** Light, dark, or what the system says. Kept in localStorage; written to the root element as `data-theme`, which tokens.css reads. */
export type ThemeChoice = 'auto' | 'light' | 'dark';
const KEY = 'quantbench.theme';
const CHOICES: readonly ThemeChoice[] = ['auto', 'light', 'dark'];

export class Theme {
  choice = $state<ThemeChoice>('auto');
  /** Whether what is shown is dark: charts on a canvas cannot read CSS by themselves and redraw when it changes. */
  dark = $state(false);
  readonly #system = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    const kept = localStorage.getItem(KEY);
    this.set(CHOICES.find((c) => c === kept) ?? 'auto');
    this.#system.addEventListener('change', () => this.set(this.choice));
  }

  set(choice: ThemeChoice): void {
    this.choice = choice;
    this.dark = choice === 'dark' || (choice === 'auto' && this.#system.matches);
    document.documentElement.dataset.theme = this.dark ? 'dark' : 'light';
    localStorage.setItem(KEY, choice);
  }

  /** The next of auto, light, dark. */
  cycle(): void {
    this.set(CHOICES[(CHOICES.indexOf(this.choice) + 1) % CHOICES.length] ?? 'auto');
  }
}
