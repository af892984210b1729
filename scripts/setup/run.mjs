import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program in this one's place: same stdin, stdout and stderr, signals passed on, and its way of ending becomes ours.
 * On a terminal Ctrl-C already reaches the whole foreground group, so it is not sent a second time: two of them would mean "stop at once".
 * @returns {Promise<number>} the exit code, 128 + n after signal n
 */
export function runInPlace(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', ...options });
    const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const handlers = forwarded.map((signal) => {
      const handler = () => {
        if (!(signal === 'SIGINT' && onTerminal)) child.kill(signal);
      };
      process.on(signal, handler);
      return () => process.off(signal, handler);
    });
    const settle = (end) => {
      for (const off of handlers) off();
      end();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('close', (code, signal) => settle(() => resolve(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1))));
  });
}

/**
 * Runs a program to its end and keeps what it printed.
 * @returns {Promise<{code: number, output: string, timedOut: boolean}>} `code` is 127 where the program is not there
 */
export function capture(command, args, { timeoutMs = 0, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    let timedOut = false;
    const timer = timeoutMs
      ? setTimeout(() => {
          timedOut = true;
          child.kill('SIGKILL');
        }, timeoutMs)
      : null;
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 127, output: error.message, timedOut });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output, timedOut });
    });
  });
}
