#!/usr/bin/env python3
"""A softphone on PJSIP (PyPI's pjsua2-python): one JSON order a line comes in, one JSON event a line goes out.

The first argument is what the phone is to be, as JSON; the keys stand in `DEFAULTS`. A file is its microphone, and
what it hears goes to a file. It needs no sound card and no fixed port, and decides nothing by itself.
"""
import json
import os
import sys
import traceback

import pjsua2 as pj

DEFAULTS = dict(
    user='', password='', domain='', server='', transport='udp', bind='127.0.0.1', register=True, microphone='',
    recording='', answers=False, mwi=False, prack='optional', timer='optional', session_expires=1800, min_se=90,
    srtp=0, trust='', codec='', rewrite=True, log='')
WISH = dict(DEFAULTS, **json.loads(sys.argv[1]))
TRANSPORTS = dict(udp=pj.PJSIP_TRANSPORT_UDP, tcp=pj.PJSIP_TRANSPORT_TCP, tls=pj.PJSIP_TRANSPORT_TLS)
PRACK = dict(never=pj.PJSUA_100REL_NOT_USED, optional=pj.PJSUA_100REL_OPTIONAL, required=pj.PJSUA_100REL_MANDATORY)
TIMER = dict(never=pj.PJSUA_SIP_TIMER_INACTIVE, optional=pj.PJSUA_SIP_TIMER_OPTIONAL,
             always=pj.PJSUA_SIP_TIMER_ALWAYS, required=pj.PJSUA_SIP_TIMER_REQUIRED)


def say(event, **more):
    print(json.dumps(dict(event=event, **more)), flush=True)


def told(callback):
    """Says what went wrong in a callback: PJSIP would swallow it."""
    def guarded(self, prm=None):
        try:
            callback(self, prm)
        except Exception:
            say('fault', fault=traceback.format_exc())
    return guarded


def parameter(status=0, default=False):
    wish = pj.CallOpParam(default)
    if status:
        wish.statusCode = status
    return wish


def message_of(event):
    """The SIP message that brought a call where it is, if one did."""
    state = event.body.tsxState
    if event.type != pj.PJSIP_EVENT_TSX_STATE:
        return ''
    if state.type == pj.PJSIP_EVENT_TX_MSG:
        return state.src.tdata.wholeMsg
    return state.src.rdata.wholeMsg if state.type == pj.PJSIP_EVENT_RX_MSG else ''


class Call(pj.Call):
    @told
    def onCallState(self, prm):
        now = self.getInfo()
        say('call', call=self.getId(), state=now.stateText, code=now.lastStatusCode, reason=now.lastReason,
            peer=now.remoteUri, message=message_of(prm.e))

    @told
    def onCallMediaState(self, prm):
        now = self.getInfo()  # its parts die with it
        for index, media in enumerate(now.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                sound = self.getAudioMedia(index)
                phone.player.startTransmit(sound)
                sound.startTransmit(phone.recorder)
            names = {pj.PJSUA_CALL_MEDIA_ACTIVE: 'active', pj.PJSUA_CALL_MEDIA_LOCAL_HOLD: 'held by us',
                     pj.PJSUA_CALL_MEDIA_REMOTE_HOLD: 'held by them', pj.PJSUA_CALL_MEDIA_NONE: 'none'}
            say('media', call=self.getId(), status=names.get(media.status, 'error'))

    @told
    def onDtmfDigit(self, prm):
        say('digit', call=self.getId(), digit=prm.digit)

    @told
    def onCallTransferRequest(self, prm):
        # The new call needs somebody to report to.
        prm.newCall = Call(phone.account)
        phone.calls.append(prm.newCall)
        say('asked to transfer', call=self.getId(), to=prm.dstUri)

    @told
    def onCallTransferStatus(self, prm):
        say('transfer', call=self.getId(), code=prm.statusCode, reason=prm.reason, final=prm.finalNotify)

    @told
    def onCallReplaceRequest(self, prm):
        prm.newCall = Call(phone.account)
        phone.calls.append(prm.newCall)

    @told
    def onCallReplaced(self, prm):
        say('replaced', call=self.getId(), by=prm.newCallId)

    @told
    def onCallTsxState(self, prm):
        # Our own requests within the call: what the far side answered.
        transaction = prm.e.body.tsxState.tsx
        if transaction.role == pj.PJSIP_ROLE_UAC and transaction.statusCode >= 200:
            say('answer', call=self.getId(), method=transaction.method, code=transaction.statusCode)


class Account(pj.Account):
    @told
    def onRegState(self, prm):
        say('register', code=prm.code, reason=prm.reason, expires=prm.expiration)

    @told
    def onIncomingCall(self, prm):
        call = Call(self, prm.callId)
        phone.calls.append(call)
        say('incoming', call=prm.callId, peer=call.getInfo().remoteUri, message=prm.rdata.wholeMsg)
        call.answer(parameter(200 if WISH['answers'] else 180))

    @told
    def onInstantMessage(self, prm):
        say('text', sender=prm.fromUri, body=prm.msgBody, kind=prm.contentType)

    @told
    def onInstantMessageStatus(self, prm):
        say('text answered', code=prm.code, body=prm.msgBody)

    @told
    def onMwiInfo(self, prm):
        say('mwi', message=prm.rdata.wholeMsg)


class Buddy(pj.Buddy):
    @told
    def onBuddyState(self, prm):
        now = self.getInfo()
        say('buddy', uri=now.uri, status=now.presStatus.status, text=now.presStatus.statusText,
            note=now.presStatus.note, subscription=now.subStateName)


class Phone:
    """Orders by name; `call` counts from 0 in the order of the phone's own calls, the latest if it is not said."""

    def __init__(self):
        self.calls, self.buddies, self.open = [], [], True
        self.endpoint = endpoint = pj.Endpoint()
        endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = 5 if WISH['log'] else 0
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = WISH['log']
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        endpoint.libInit(config)
        endpoint.transportCreate(TRANSPORTS[WISH['transport']], self.transport())
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        for codec in endpoint.codecEnum2() if WISH['codec'] else []:
            wanted = codec.codecId.lower().startswith(WISH['codec'].lower())
            endpoint.codecSetPriority(codec.codecId, 255 if wanted else 0)
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(WISH['microphone'])
        self.recorder = pj.AudioMediaRecorder()
        self.recorder.createRecorder(WISH['recording'])
        self.account = Account()

    @staticmethod
    def transport():
        config = pj.TransportConfig()
        config.boundAddress = WISH['bind']
        config.publicAddress = WISH['bind']
        config.tlsConfig.verifyServer = bool(WISH['trust'])
        config.tlsConfig.CaListFile = WISH['trust']
        return config

    def sign_in(self):
        config = pj.AccountConfig()
        suffix = '' if WISH['transport'] == 'udp' else ';transport=' + WISH['transport']
        config.idUri = 'sip:%s@%s' % (WISH['user'], WISH['domain'] or WISH['server'])
        config.regConfig.registerOnAdd = WISH['register']
        if WISH['register']:
            config.regConfig.registrarUri = 'sip:%s%s' % (WISH['domain'], suffix)
        config.sipConfig.authCreds.append(pj.AuthCredInfo('digest', '*', WISH['user'], 0, WISH['password']))
        config.sipConfig.proxies.append('sip:%s;lr%s' % (WISH['server'], suffix))
        config.mediaConfig.srtpUse = WISH['srtp']
        config.mediaConfig.srtpSecureSignaling = 0
        config.mediaConfig.transportConfig.boundAddress = WISH['bind']
        config.mediaConfig.transportConfig.publicAddress = WISH['bind']
        config.natConfig.contactRewriteUse = 2 if WISH['rewrite'] else 0
        config.mwiConfig.enabled = WISH['mwi']
        config.callConfig.prackUse = PRACK[WISH['prack']]
        config.callConfig.timerUse = TIMER[WISH['timer']]
        config.callConfig.timerSessExpiresSec = WISH['session_expires']
        config.callConfig.timerMinSESec = WISH['min_se']
        self.account.create(config)
        say('ready')

    def call_of(self, order):
        return self.calls[order.get('call', -1)]

    def do_call(self, order):
        call = Call(self.account)
        self.calls.append(call)
        wish = pj.CallOpParam(True)
        wish.opt.flag = {None: 0, 'no offer': pj.PJSUA_CALL_NO_SDP_OFFER}[order.get('how')]
        for name, value in order.get('headers', {}).items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            wish.txOption.headers.append(header)
        call.makeCall(order['to'], wish)

    def do_answer(self, order):
        self.call_of(order).answer(parameter(order.get('code', 200)))

    def do_hangup(self, order):
        self.call_of(order).hangup(parameter(order.get('code', 0), default=True))

    def do_hold(self, order):
        self.call_of(order).setHold(pj.CallOpParam(True))

    def do_resume(self, order):
        wish = pj.CallOpParam(True)
        wish.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.call_of(order).reinvite(wish)

    def do_update(self, order):
        self.call_of(order).update(pj.CallOpParam(True))

    def do_press(self, order):
        wish = pj.CallSendDtmfParam()
        wish.digits = order['digits']
        wish.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if order.get('info') else pj.PJSUA_DTMF_METHOD_RFC2833
        self.call_of(order).sendDtmf(wish)

    def do_transfer(self, order):
        self.call_of(order).xfer(order['to'], pj.CallOpParam(True))

    def do_join(self, order):
        self.calls[order['call']].xferReplaces(self.calls[order['with']], pj.CallOpParam(True))

    def do_text(self, order):
        wish = pj.SendInstantMessageParam()
        wish.content = order['text']
        self.buddy(order['to'], subscribe=False).sendInstantMessage(wish)

    def do_watch(self, order):
        self.buddy(order['who'], subscribe=True)

    def buddy(self, uri, subscribe):
        config = pj.BuddyConfig()
        config.uri = uri
        config.subscribe = subscribe
        buddy = Buddy()
        buddy.create(self.account, config)
        self.buddies.append(buddy)
        return buddy

    def do_sign_out(self, order):
        self.account.setRegistration(False)

    def do_register_again(self, order):
        self.account.setRegistration(True)

    def do_quit(self, order):
        self.open = False

    def obey(self, line):
        order = json.loads(line)
        try:
            getattr(self, 'do_' + order['do'])(order)
        except pj.Error as fault:
            say('fault', order=order, fault=fault.info())

    def run(self):
        os.set_blocking(0, False)
        waiting = b''
        while self.open:
            self.endpoint.libHandleEvents(10)
            try:
                read = os.read(0, 65536)
            except BlockingIOError:
                continue
            if not read:
                break
            *lines, waiting = (waiting + read).split(b'\n')
            for line in lines:
                self.obey(line)

    def close(self):
        self.endpoint.hangupAllCalls()
        for _ in range(20):
            self.endpoint.libHandleEvents(10)
        self.player = self.recorder = None  # closes the recording
        say('closed')
        sys.stdout.flush()
        os._exit(0)  # the wheel's own tear-down asserts on calls that are gone


phone = Phone()
phone.sign_in()
phone.run()
phone.close()
