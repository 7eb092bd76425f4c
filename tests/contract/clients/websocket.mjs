/** The WebSocket that browsers have and Node has only from 22 on; to be imported before a client that looks for it. */
import WebSocket from 'ws';

globalThis.WebSocket ??= WebSocket;
