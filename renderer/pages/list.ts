/** The pages of the rail, in order. A new page is one folder and one line here. */
import ChartNoAxesColumn from '@lucide/svelte/icons/chart-no-axes-column';
import FolderClock from '@lucide/svelte/icons/folder-clock';
import House from '@lucide/svelte/icons/house';
import ListChecks from '@lucide/svelte/icons/list-checks';
import Timer from '@lucide/svelte/icons/timer';
import Workflow from '@lucide/svelte/icons/workflow';
import type { Component } from 'svelte';
import type { AppState } from '../state/app.svelte.ts';
import type { PageId } from '../state/routes.ts';
import Accuracy from './accuracy/Accuracy.svelte';
import Graph from './graph/Graph.svelte';
import Home from './home/Home.svelte';
import Sessions from './sessions/Sessions.svelte';
import Timing from './timing/Timing.svelte';
import Wizard from './wizard/Wizard.svelte';

export interface Page { id: PageId; title: string; icon: Component; view: Component<{ state: AppState }> }

export const PAGES: readonly Page[] = [
  { id: 'home', title: 'Home', icon: House, view: Home },
  { id: 'wizard', title: 'Wizard', icon: ListChecks, view: Wizard },
  { id: 'graph', title: 'Graph', icon: Workflow, view: Graph },
  { id: 'timing', title: 'Timing', icon: Timer, view: Timing },
  { id: 'accuracy', title: 'Accuracy', icon: ChartNoAxesColumn, view: Accuracy },
  { id: 'sessions', title: 'Sessions', icon: FolderClock, view: Sessions },
];
