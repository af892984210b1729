/** The app on a fake connection, for looking at screens before or without main: `vite --open testing/dev.html`. */
import { mount } from 'svelte';
import App from '../app/App.svelte';
import { AppState } from '../state/app.svelte.ts';
import { Theme } from '../state/theme.svelte.ts';
import { fakeConnection } from './fakeConnection.ts';
import '../ui/tokens.css';
import '../ui/base.css';

const target = document.getElementById('app');
if (target) mount(App, { target, props: { state: new AppState(fakeConnection, new Theme()) } });
