/** The window's entry: connects to main and mounts the app. */
import { mount } from 'svelte';
import App from './app/App.svelte';
import { AppState } from './state/app.svelte.ts';
import { Theme } from './state/theme.svelte.ts';
import { connect } from './transport/connect.ts';
import './ui/tokens.css';
import './ui/base.css';

const theme = new Theme();
const state = new AppState((handlers) => connect(handlers), theme);
const target = document.getElementById('app');
if (target) mount(App, { target, props: { state } });
