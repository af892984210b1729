import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';

// ---- The floors ------------------------------------------------------------------------------------------------------------
// kernels < engine < main < renderer. A floor uses floors below only. See ARCHITECTURE.md.

/** An import of one of these top folders, from any depth. */
const folders = (names, message) => ({ regex: `^(\\.\\./)+(${names.join('|')})(/|$)`, message });

const noWebgpu = { name: 'webgpu', message: 'Only kernels/device talks to WebGPU. Use a Device.' };
const noElectron = { name: 'electron', message: 'Only main/electron knows Electron.' };

const floor = (files, paths, patterns, ignores = []) => ({
  files,
  ignores,
  rules: { 'no-restricted-imports': ['error', { paths, patterns }] },
});

const aboveKernels = folders(['engine', 'main', 'renderer'], 'kernels is the lowest floor: it knows no models and no app.');
const aboveEngine = folders(['main', 'renderer'], 'engine may use kernels only.');
const aboveMain = folders(['renderer'], 'main may use engine and kernels only.');

const floors = [
  floor(['kernels/**'], [noWebgpu, noElectron], [aboveKernels], ['kernels/device/**']),
  floor(['kernels/device/**'], [noElectron], [aboveKernels]),
  floor(['engine/**'], [noWebgpu, noElectron], [aboveEngine]),
  floor(['main/**'], [noWebgpu, noElectron], [aboveMain], ['main/electron/**']),
  floor(['main/electron/**'], [noWebgpu], [aboveMain]),
  floor(
    ['renderer/**'],
    [noWebgpu, noElectron],
    [
      folders(['kernels', 'engine', 'main/(?!contract/)[^/]+'], 'renderer talks to main only through main/contract.'),
      { regex: '^node:', message: 'renderer runs in a browser. What touches the operating system is in main.' },
    ],
    // Tests of the renderer run in Node.
    ['renderer/**/*.test.ts'],
  ),
  {
    // schemas.ts may hold what applies a schema, and nothing more.
    files: ['main/contract/**'],
    ignores: ['main/contract/schemas.ts', '**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'FunctionDeclaration, ClassDeclaration', message: 'main/contract is types and schemas, no code.' },
      ],
    },
  },
];

// ---- The rest: few rules, each of which has caught a real mistake somewhere ----------------------------------------------------

export default ts.config(
  { ignores: ['node_modules/**', 'dist/**', 'out/**', '.vite/**', 'test-results/**', 'playwright-report/**', 'samples/**', 'tests/fixtures/**'] },
  js.configs.recommended,
  ts.configs.recommended,
  svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.node } },
    rules: {
      // TypeScript does this one, and knows more.
      'no-undef': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-constant-condition': ['error', { checkLoops: false }],
      'max-len': ['error', { code: 160, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/ban-ts-comment': ['error', { 'ts-expect-error': 'allow-with-description' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['renderer/**'],
    languageOptions: { globals: { ...globals.browser } },
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } },
    rules: { 'max-len': 'off' },
  },
  ...floors,
);
