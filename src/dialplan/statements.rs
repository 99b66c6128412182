//! Every line that may stand in a `test`.

use crate::dialplan::declarations::Declaration;
use crate::dialplan::kind::Kind;
use crate::dialplan::manner::MANNERS;
use crate::dialplan::setting;
use crate::dialplan::stand_in;
use crate::dialplan::verb::Parameter;

pub(super) const STATEMENTS: &[Declaration] = &[
    Declaration {
        name: "at",
        help: "When the call is made. Default: a Monday, nine in the morning in São Paulo.",
        arguments: &[Parameter::required("moment", Kind::Moment, "date and time")],
        properties: &[],
        example: "at \"2026-11-23T12:39:00-03:00\"",
    },
    Declaration {
        name: "channel",
        help: "A channel is up or down: before the call, or from here on. Default: every channel is up.",
        arguments: &[
            Parameter::required("channel", Kind::Channel, "which"),
            Parameter::required("state", Kind::Word(&["up", "degraded", "down", "recovering"]), "its state"),
        ],
        properties: &[Parameter::optional("after", Kind::Duration, "at once", "after this time")],
        example: "channel \"whatsapp\" \"down\"",
    },
    Declaration {
        name: "agent",
        help: "What somebody does when their phone rings. Default: the phone is registered and nobody answers.",
        arguments: &[
            Parameter::required("phone", Kind::Target, "whose"),
            Parameter::required("manner", Kind::Word(MANNERS), "what they do"),
        ],
        properties: &[
            Parameter::optional("after", Kind::Duration, "3s", "how long it rings before that"),
            Parameter::optional("talks", Kind::Duration, "60s", "how long they talk"),
            Parameter::optional(
                "accepts",
                Kind::Word(&["yes", "no"]),
                "yes",
                "whether they take a call that is announced to them",
            ),
        ],
        example: "agent \"200\" answers after=\"5s\"",
    },
    setting::QUEUE,
    setting::CALLS,
    setting::SEED,
    stand_in::HTTP,
    stand_in::CALLBACKS,
    Declaration {
        name: "parked",
        help: "Somebody is parked in this slot before the call.",
        arguments: &[Parameter::required("slot", Kind::Keys, "its number")],
        properties: &[],
        example: "parked \"701\"",
    },
    Declaration {
        name: "call",
        help: "The call begins. What stands above it is set up before, what stands below happens after.",
        arguments: &[],
        properties: &[
            Parameter::optional("from", Kind::Anyone, "+5511999998888", "who calls; `withheld` shows no number"),
            Parameter::required("to", Kind::Called, "which of our numbers is called, or which code"),
            Parameter::optional("trunk", Kind::Trunk, "none", "the trunk that the call comes through"),
            Parameter::optional("name", Kind::Name, "none", "the caller's name as the call shows it"),
        ],
        example: "call from=\"+5511999998888\" to=\"+551140031234\"",
    },
    Declaration {
        name: "press",
        help: "The caller presses keys.",
        arguments: &[Parameter::required("keys", Kind::Keys, "which")],
        properties: &[],
        example: "press \"1\"",
    },
    Declaration {
        name: "passes",
        help: "Time passes.",
        arguments: &[Parameter::required("time", Kind::Duration, "how much")],
        properties: &[],
        example: "passes \"90s\"",
    },
    Declaration {
        name: "hangs-up",
        help: "The caller hangs up.",
        arguments: &[],
        properties: &[],
        example: "hangs-up",
    },
    Declaration {
        name: "picks-up",
        help: "Somebody picks up the caller, who is parked.",
        arguments: &[],
        properties: &[Parameter::optional("talks", Kind::Duration, "60s", "how long they talk")],
        example: "picks-up talks=\"2m\"",
    },
    Declaration {
        name: "hears",
        help: "Expected: the prompt begins, after all that was heard in lines above.",
        arguments: &[Parameter::required("prompt", Kind::Prompt, "which")],
        properties: &[
            Parameter::optional("who", Kind::Target, "the caller", "whoever answered and hears it before the talk"),
            WITHIN_PARAMETER,
        ],
        example: "hears \"main-menu\"",
    },
    Declaration {
        name: "says",
        help: "Expected: a `say` says this.",
        arguments: &[Parameter::required("text", Kind::Name, "digits, number or text")],
        properties: &[WITHIN_PARAMETER],
        example: "says \"4711\"",
    },
    Declaration {
        name: "reaches",
        help: "Expected: the caller comes to this flow.",
        arguments: &[Parameter::required("flow", Kind::Flow, "which")],
        properties: &[WITHIN_PARAMETER],
        example: "reaches \"recado\"",
    },
    Declaration {
        name: "rings",
        help: "Expected: this phone rings.",
        arguments: &[Parameter::required("phone", Kind::Target, "whose")],
        properties: &[WITHIN_PARAMETER],
        example: "rings \"200\"",
    },
    Declaration {
        name: "texts",
        help: "Expected: a text is sent.",
        arguments: &[],
        properties: &[
            Parameter::optional("to", Kind::Recipient, "anybody", "to whom"),
            Parameter::optional("containing", Kind::Name, "anything", "words in it"),
            WITHIN_PARAMETER,
        ],
        example: "texts to=\"caller\" containing=\"WhatsApp\"",
    },
    Declaration {
        name: "records",
        help: "Expected: the caller can leave a message, or the call is recorded.",
        arguments: &[Parameter::required(
            "what",
            Kind::Name,
            "the mailbox, or the `name` of the `record` step; `call` where it has none",
        )],
        properties: &[WITHIN_PARAMETER],
        example: "records \"geral\"",
    },
    Declaration {
        name: "joins",
        help: "Expected: the caller comes into this conference, in which others are.",
        arguments: &[Parameter::required("conference", Kind::Name, "which")],
        properties: &[WITHIN_PARAMETER],
        example: "joins \"equipe\"",
    },
    Declaration {
        name: "emits",
        help: "Expected: an `event` step tells of this.",
        arguments: &[Parameter::required("name", Kind::Name, "the event's name")],
        properties: &[
            Parameter::optional("containing", Kind::Name, "anything", "a part of its fields: `fone=+5511`"),
            WITHIN_PARAMETER,
        ],
        example: "emits \"pedido.consultado\" containing=\"fone=+5511\"",
    },
    Declaration {
        name: "books",
        help: "Expected: a callback is booked.",
        arguments: &[Parameter::required("queue", Kind::Queue, "whose agents will talk to him")],
        properties: &[
            Parameter::optional("number", Kind::Name, "any", "which number is called, as it was shown or typed"),
            WITHIN_PARAMETER,
        ],
        example: "books \"vendas\" number=\"+5511999998888\"",
    },
    Declaration {
        name: "asks",
        help: "Expected: an `http` step asks this address.",
        arguments: &[Parameter::required("url", Kind::Name, "which; a final `*` stands for any further signs")],
        properties: &[Parameter::optional("containing", Kind::Name, "anything", "words in the body"), WITHIN_PARAMETER],
        example: "asks \"https://api.loja.example/pedidos?fone=%2B5511*\"",
    },
    Declaration {
        name: "parks",
        help: "Expected: the caller is parked.",
        arguments: &[],
        properties: &[WITHIN_PARAMETER],
        example: "parks",
    },
    Declaration {
        name: "hands-on",
        help: "Expected: the caller's trunk is asked to connect him with this number. It does so unless its `agent` line says otherwise.",
        arguments: &[Parameter::required("to", Kind::Target, "whom")],
        properties: &[WITHIN_PARAMETER],
        example: "hands-on \"+5511988887777\"",
    },
    Declaration {
        name: "consents",
        help: "Expected: the caller says this to being recorded.",
        arguments: &[Parameter::required("answer", Kind::Word(&["given", "refused"]), "what")],
        properties: &[WITHIN_PARAMETER],
        example: "consents \"refused\"",
    },
    Declaration {
        name: "ends",
        help: "Expected: the call ends.",
        arguments: &[Parameter::optional("cause", Kind::Word(CAUSES), "any", "with which cause")],
        properties: &[WITHIN_PARAMETER],
        example: "ends \"normal\"",
    },
];

/// `normal`, and the causes of `reject`.
const CAUSES: &[&str] = &["normal", "busy", "declined", "no-answer", "unreachable", "not-found", "failed"];

const WITHIN_PARAMETER: Parameter = Parameter::optional(
    "within",
    Kind::Duration,
    "30s",
    "how long it may take; that time passes if it does not come true",
);
