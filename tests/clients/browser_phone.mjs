#!/usr/bin/env node
// A softphone in a browser: JsSIP in a page of headless Chromium. One JSON order a line comes in, one JSON event a line goes out.
//
// The first argument is what the phone is to be, as JSON; the keys stand in DEFAULTS. A file is its microphone, and what it
// hears goes to a file. It needs no sound card and no fixed port, and decides nothing by itself. DESVIO_TEST_BROWSER names
// the folder in which npm has put jssip, puppeteer-core and esbuild.
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { createRequire } from 'node:module';

const DEFAULTS = { user: '', password: '', domain: '', server: '', microphone: '', recording: '' };
const wish = { ...DEFAULTS, ...JSON.parse(process.argv[2]) };
const modules = process.env.DESVIO_TEST_BROWSER;
const require = createRequire(path.join(modules, 'package.json'));
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

/// JsSIP and what it needs, in one script.
async function library() {
  const bundle = await require('esbuild').build({
    stdin: { contents: "import JsSIP from 'jssip'; window.JsSIP = JsSIP;", resolveDir: modules },
    bundle: true, write: false, format: 'iife', platform: 'browser', define: { global: 'window' }, logLevel: 'silent',
  });
  return bundle.outputFiles[0].text;
}

/// Runs in the page. `tell` is there before it.
function phone(wish) {
  // As the room is: nothing between the microphone's file and the line.
  const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  // A steady tone is no voice: with its detection on, comfort noise would be sent instead.
  const constraints = { voiceActivityDetection: false };
  const media = {
    mediaConstraints: { audio, video: false }, pcConfig: { iceServers: [] },
    rtcOfferConstraints: constraints, rtcAnswerConstraints: constraints,
  };
  const heard = [];
  const context = new AudioContext();
  let session;

  const listen = (track) => {
    const stream = new MediaStream([track]);
    // Chromium decodes a remote stream only where an element plays it.
    const player = Object.assign(new Audio(), { srcObject: stream, muted: true });
    player.play();
    (window.players ??= []).push(player);
    const tap = context.createScriptProcessor(4096, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => heard.push(inputBuffer.getChannelData(0).slice());
    context.createMediaStreamSource(stream).connect(tap).connect(context.destination);
    window.players.push(tap);
  };
  const watch = (connection) => {
    window.connection = connection;
    connection.addEventListener('track', ({ track }) => listen(track));
    connection.addEventListener('connectionstatechange', () => tell('connection', { state: connection.connectionState }));
  };
  const follow = ({ session: next, originator }) => {
    session = next;
    if (session.connection) watch(session.connection);
    session.on('peerconnection', ({ peerconnection }) => watch(peerconnection));
    session.on('progress', ({ response }) => tell('call', { state: 'EARLY', code: response?.status_code }));
    session.on('confirmed', () => tell('call', { state: 'CONFIRMED' }));
    session.on('ended', ({ cause }) => tell('call', { state: 'DISCONNECTED', cause }));
    session.on('failed', ({ cause, message }) => tell('call', { state: 'DISCONNECTED', cause, code: message?.status_code }));
    session.on('hold', ({ originator }) => tell('hold', { originator }));
    session.on('unhold', ({ originator }) => tell('unhold', { originator }));
    session.on('newDTMF', ({ originator, dtmf }) => originator === 'remote' && tell('digit', { digit: dtmf.tone }));
    for (const step of ['createofferfailed', 'createanswerfailed', 'setlocaldescriptionfailed', 'setremotedescriptionfailed']) {
      session.on(`peerconnection:${step}`, (fault) => tell('fault', { fault: `${step}: ${fault}` }));
    }
    session.on('sdp', ({ originator, type, sdp }) => tell('sdp', { originator, type, sdp }));
    if (originator === 'remote') tell('incoming', { peer: session.remote_identity.uri.toString() });
  };
  const agent = new JsSIP.UA({
    sockets: [new JsSIP.WebSocketInterface(wish.server)],
    uri: `sip:${wish.user}@${wish.domain}`,
    password: wish.password,
    register_expires: 300,
  });
  agent.on('registered', () => tell('register', { code: 200 }));
  agent.on('registrationFailed', ({ response, cause }) => tell('register', { code: response?.status_code, cause }));
  agent.on('newRTCSession', follow);
  agent.on('newMessage', ({ originator, request }) => originator === 'remote' && tell('text', { body: request.body }));
  agent.start();

  window.orders = {
    call: ({ to }) => agent.call(to, media),
    answer: () => session.answer(media),
    decline: () => session.terminate({ status_code: 486 }),
    hold: () => session.hold({ rtcOfferConstraints: constraints }),
    resume: () => session.unhold({ rtcOfferConstraints: constraints }),
    press: ({ digits }) => session.sendDTMF(digits, { transportType: 'RFC2833' }),
    transfer: ({ to }) => session.refer(to),
    restart: () => session.renegotiate({ rtcOfferConstraints: { ...constraints, iceRestart: true } }),
    hangup: () => session.terminate(),
    text: ({ to, text }) => agent.sendMessage(to, text, {
      eventHandlers: {
        succeeded: ({ response }) => tell('text answered', { code: response.status_code }),
        failed: ({ response }) => tell('text answered', { code: response?.status_code }),
      },
    }),
    stats: async () => {
      const found = {};
      const report = await window.connection.getStats();
      report.forEach((entry) => {
        if (entry.type === 'inbound-rtp') Object.assign(found, { codec: report.get(entry.codecId)?.mimeType, lost: entry.packetsLost });
        if (entry.type === 'transport') Object.assign(found, { dtls: entry.dtlsState, suite: entry.srtpCipher });
      });
      tell('stats', found);
    },
  };
  /// Everything that was heard, as 16 bit samples.
  window.heard = () => {
    let octets = '';
    for (const block of heard) {
      const samples = Int16Array.from(block, (sample) => Math.max(-1, Math.min(1, sample)) * 32767);
      octets += String.fromCharCode(...new Uint8Array(samples.buffer));
    }
    return { rate: context.sampleRate, samples: btoa(octets) };
  };
}

function write_wav(file, rate, samples) {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples.length, 40);
  fs.writeFileSync(file, Buffer.concat([head, samples]));
}

const script = await library();
const server = http.createServer((request, response) => {
  response.setHeader('content-type', request.url === '/jssip.js' ? 'text/javascript' : 'text/html; charset=utf-8');
  response.end(request.url === '/jssip.js' ? script : '<!doctype html><title>Phone</title><script src="/jssip.js"></script>');
});
await new Promise((listens) => server.listen(0, '127.0.0.1', listens));
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'desvio-browser-'));
const browser = await require('puppeteer-core').launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  userDataDir: profile,
  // The browser ends with us, also where we are killed.
  pipe: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-audio-capture=${wish.microphone}`,
    '--autoplay-policy=no-user-gesture-required',
    // Server and browser are one machine, and no name is to be asked for.
    '--allow-loopback-in-peer-connection', '--disable-features=WebRtcHideLocalIpsWithMdns',
  ],
});

const page = await browser.newPage();
page.on('pageerror', (fault) => say('fault', { fault: String(fault) }));
await page.exposeFunction('tell', say);
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await page.evaluate(phone, wish);
say('ready');
for await (const line of readline.createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  if (order.do === 'quit') break;
  await page.evaluate((order) => void window.orders[order.do](order), order).catch((fault) => say('fault', { fault: String(fault) }));
}
const { rate, samples } = await page.evaluate(() => window.heard());
write_wav(wish.recording, rate, Buffer.from(samples, 'base64'));
await browser.close();
server.close();
fs.rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
