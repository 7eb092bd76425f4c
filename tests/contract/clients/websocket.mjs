/** The WebSocket of browsers, which Node has only since 22; to be imported before a client that looks for it. */
import WebSocket from 'ws';

globalThis.WebSocket ??= WebSocket;
