//! `http`: asks another program for something that later steps use, while nobody else waits.

use std::time::Duration;

use serde_json::Value;

use crate::dialplan::action::Action;
use crate::dialplan::action::Audio;
use crate::dialplan::action::Moment;
use crate::dialplan::action::News;
use crate::dialplan::action::Turn;
use crate::dialplan::fill::Filled;
use crate::dialplan::kind::Kind;
use crate::dialplan::lookup;
use crate::dialplan::lookup::Body;
use crate::dialplan::lookup::JsonPath;
use crate::dialplan::lookup::LookUpFailure;
use crate::dialplan::lookup::Query;
use crate::dialplan::lookup::Sort;
use crate::dialplan::lookup::Wanted;
use crate::dialplan::order::Order;
use crate::dialplan::program::StepId;
use crate::dialplan::template::Template;
use crate::dialplan::template::VariableId;
use crate::dialplan::trail::Reason;
use crate::dialplan::verb::After;
use crate::dialplan::verb::Branch;
use crate::dialplan::verb::Children;
use crate::dialplan::verb::Compile;
use crate::dialplan::verb::Detail;
use crate::dialplan::verb::Parameter;
use crate::dialplan::verb::Sheet;
use crate::dialplan::verb::Verb;

#[derive(Debug)]
pub(super) struct Http;

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];
const SORTS: &[&str] = &["text", "number", "yes-no"];
const TIMEOUT: Duration = Duration::from_secs(5);
/// Nobody waits longer with nothing to hear.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

impl Verb for Http {
    fn sheet(&self) -> &'static Sheet {
        &SHEET
    }
}

static SHEET: Sheet = Sheet {
    name: "http",
    help: "Asks another program over HTTP and takes values out of its JSON answer. The caller waits, nobody else does; \
           whoever hangs up meanwhile ends the question. What a caller brought along is quoted for its place.",
    arguments: &[
        Parameter::required("method", Kind::Word(METHODS), "what is asked for"),
        Parameter::required("url", Kind::Text, "where; `{…}` is filled in, percent-encoded, behind the host only"),
    ],
    properties: &[
        Parameter::optional("timeout", Kind::Duration, "5s", "the longest wait for the whole answer, at most 30s"),
        Parameter::optional(
            "credentials",
            Kind::Credential,
            "none",
            "the `[[credential]]` of the configuration that opens the door there",
        ),
        Parameter::optional("body", Kind::Word(&["json", "form"]), "json", "how the fields are written"),
        Parameter::optional("music", Kind::Music, "silence", "what a caller who hears us already hears meanwhile"),
    ],
    details: DETAILS,
    children: Children::Branches(&[
        Branch {
            default: "the walk goes on with the next step and the variables are empty",
            ..Branch::new(
                "failed",
                "no answer in time, a status other than 2xx, no JSON, too large, or an address that may not be asked",
            )
        }
        .at_once(),
        Branch::new("not-found", "it answered 404 or 410").at_once().or("failed", "as `failed`"),
        Branch {
            default: "the walk goes on with the next step and what is missing is empty",
            ..Branch::new("missing", "it answered, but lacks a value that is taken, or has one of another kind")
        }
        .at_once(),
    ]),
    after: After::Next,
    example: "http \"GET\" \"https://api.loja.example/pedidos?fone={caller}\" timeout=\"3s\" {\n    take \"pedidos.0.status\" into=\"situacao\"\n    not-found { play \"goodbye\" }\n    failed { queue \"vendas\" }\n}\nsay text=\"Seu pedido: {situacao}\"",
    ..Sheet::PLAIN
};

const DETAILS: &[Detail] = &[
    Detail {
        name: "take",
        help: "a value of the answer, by names and places with dots between",
        arguments: &[Parameter::required("path", Kind::Name, "`pedidos.0.status` or `pedidos[0].status`")],
        properties: &[
            Parameter::required("into", Kind::Variable, "the name by which later texts call it: `{name}`"),
            Parameter::optional("as", Kind::Word(SORTS), "text", "anything else counts as missing"),
        ],
    },
    Detail {
        name: "field",
        help: "a field of the body; of a GET or DELETE, of the query",
        arguments: &[
            Parameter::required("name", Kind::Name, "in JSON, dots go inwards: `cliente.fone`"),
            Parameter::required("value", Kind::Text, "its value"),
        ],
        properties: &[Parameter::optional("as", Kind::Word(SORTS), "text", "of what kind it is in JSON")],
    },
    Detail {
        name: "header",
        help: "a further header; secrets are `credentials`",
        arguments: &[
            Parameter::required("name", Kind::Name, "its name"),
            Parameter::required("value", Kind::Text, "its value, on one line"),
        ],
        properties: &[],
    },
];

impl Compile for Http {
    fn check(&self, filled: &Filled) -> Vec<(String, String)> {
        let mut wrong = wrong_address(filled);
        if filled.maybe_duration("timeout").is_some_and(|timeout| timeout > LONGEST_TIMEOUT) {
            let mend = "Write at most \"30s\": the caller waits as long.";
            wrong.push(("the timeout of `http` is too long".to_owned(), mend.to_owned()));
        }
        for header in filled.details("header") {
            wrong.extend(wrong_header(&header.text("name")));
        }
        let form = filled.maybe_word("body") == Some("form");
        for field in filled.details("field") {
            wrong.extend(wrong_path("field", &field.text("name")).filter(|_| !form && has_body(filled)));
        }
        for take in filled.details("take") {
            wrong.extend(wrong_path("take", &take.text("path")));
        }
        wrong
    }

    fn compile(&self, filled: &Filled) -> Box<dyn Action> {
        Box::new(Question {
            method: filled.word("method"),
            url: filled.template("url"),
            headers: filled.details("header").map(|it| (it.text("name"), it.template("value"))).collect(),
            fields: filled.details("field").map(field).collect(),
            place: place(filled),
            credentials: filled.maybe_text("credentials"),
            within: filled.maybe_duration("timeout").unwrap_or(TIMEOUT),
            music: filled.maybe_text("music"),
            into: filled.details("take").map(|it| it.variable("into")).collect(),
            wanted: filled.details("take").filter_map(wanted).collect(),
            failed: filled.branch("failed"),
            not_found: filled.branch("not-found").or(filled.branch("failed")),
            missing: filled.branch("missing"),
        })
    }
}

fn wrong_address(filled: &Filled) -> Vec<(String, String)> {
    let url = filled.template("url");
    match lookup::literal_host(&url) {
        Err(why) => {
            let mend = format!("For example \"https://api.loja.example/pedidos/{{caller}}\": {why}.");
            vec![("this address cannot be asked".to_owned(), mend)]
        }
        Ok(host) => match filled.credential_host("credentials").filter(|known| *known != host) {
            Some(known) => {
                let mend = format!("They belong to {known}. Add a [[credential]] for {host}.");
                vec![(format!("these credentials are not for {host}"), mend)]
            }
            None => Vec::new(),
        },
    }
}

/// What the transport writes itself, and what would put a secret into the dialplan.
const RESERVED_HEADERS: &[&str] =
    &["host", "content-length", "transfer-encoding", "connection", "authorization", "proxy-authorization", "cookie"];

fn wrong_header(name: &str) -> Option<(String, String)> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.bytes().all(token) {
        let mend = "Letters, digits and `-`: `X-Loja`.".to_owned();
        return Some((format!("`{name}` is not the name of a header"), mend));
    }
    RESERVED_HEADERS.contains(&name.to_ascii_lowercase().as_str()).then(|| {
        let mend = "Secrets stand in a [[credential]] of the configuration; the rest is written by itself.".to_owned();
        (format!("the header `{name}` is not for a dialplan to set"), mend)
    })
}

fn wrong_path(detail: &str, path: &str) -> Option<(String, String)> {
    JsonPath::parse(path).is_none().then(|| {
        let mend = "Names and places with dots between: `pedidos.0.status`.".to_owned();
        (format!("`{detail} \"{path}\"` names no place"), mend)
    })
}

fn has_body(filled: &Filled) -> bool {
    !matches!(filled.word("method"), "GET" | "DELETE")
}

fn place(filled: &Filled) -> Place {
    match (has_body(filled), filled.maybe_word("body")) {
        (false, _) => Place::Query,
        (true, Some("form")) => Place::Form,
        (true, _) => Place::Json,
    }
}

fn field(filled: &Filled) -> Field {
    Field { name: filled.text("name"), value: filled.template("value"), sort: sort(filled) }
}

fn wanted(filled: &Filled) -> Option<Wanted> {
    Some(Wanted { path: JsonPath::parse(&filled.text("path"))?, sort: sort(filled) })
}

fn sort(filled: &Filled) -> Sort {
    match filled.maybe_word("as") {
        Some("number") => Sort::Number,
        Some("yes-no") => Sort::YesNo,
        _ => Sort::Text,
    }
}

#[derive(Debug)]
struct Question {
    method: &'static str,
    url: Template,
    headers: Vec<(String, Template)>,
    fields: Vec<Field>,
    place: Place,
    credentials: Option<String>,
    within: Duration,
    music: Option<String>,
    /// As long as `wanted`.
    into: Vec<VariableId>,
    wanted: Vec<Wanted>,
    failed: Option<StepId>,
    not_found: Option<StepId>,
    missing: Option<StepId>,
}

#[derive(Debug)]
struct Field {
    name: String,
    value: Template,
    sort: Sort,
}

/// Where the fields are written.
#[derive(Debug, Clone, Copy)]
enum Place {
    Query,
    Json,
    Form,
}

impl Action for Question {
    fn begin(&self, moment: &mut Moment<'_>) -> Turn {
        for into in &self.into {
            moment.set_variable(*into, String::new());
        }
        let url = self.address(moment);
        if lookup::leaves_its_path(&url) {
            return self.fail(LookUpFailure::OutOfPath, moment);
        }
        if let Some(music) = self.music.as_ref().filter(|_| moment.memory.audio > Audio::None) {
            moment.order(Order::Music { music: music.clone() });
        }
        let query = self.query(url, moment);
        moment.order(Order::Ask(Box::new(query)));
        moment.wake_in(self.within, "a look-up has no answer yet");
        Turn::Wait
    }

    fn on(&self, news: News, moment: &mut Moment<'_>) -> Turn {
        match news {
            News::TimeUp => {
                moment.stop_asking();
                self.silence(moment);
                self.fail(LookUpFailure::TimedOut, moment)
            }
            News::LookedUp(Err(failure)) => {
                moment.take_findings();
                moment.sleep_no_more();
                self.silence(moment);
                self.fail(failure, moment)
            }
            News::LookedUp(Ok(())) => {
                moment.sleep_no_more();
                self.silence(moment);
                self.take(moment)
            }
            _ => Turn::Wait,
        }
    }
}

impl Question {
    fn address(&self, moment: &mut Moment<'_>) -> String {
        let mut url = moment.fill_quoted(&self.url, lookup::percent_encode);
        if let Place::Query = self.place {
            for (field, sign) in self.fields.iter().zip(std::iter::once(first_sign(&url)).chain(std::iter::repeat('&')))
            {
                url.push(sign);
                url.push_str(&form_pair(field, moment));
            }
        }
        url
    }

    fn query(&self, url: String, moment: &mut Moment<'_>) -> Query {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), lookup::for_header(&moment.fill(value))));
        Query {
            method: self.method,
            url,
            headers: headers.collect(),
            body: self.body(moment),
            credentials: self.credentials.clone(),
            within: self.within,
            wanted: self.wanted.clone(),
            id: moment.next_question(),
        }
    }

    fn body(&self, moment: &mut Moment<'_>) -> Option<Body> {
        if self.fields.is_empty() {
            return None;
        }
        match self.place {
            Place::Query => None,
            Place::Form => {
                let pairs: Vec<String> = self.fields.iter().map(|field| form_pair(field, moment)).collect();
                Some(Body { content_type: "application/x-www-form-urlencoded", text: pairs.join("&") })
            }
            Place::Json => {
                let mut document = Value::Null;
                for field in &self.fields {
                    if let Some(path) = JsonPath::parse(&field.name) {
                        path.put(&mut document, json_value(field, moment));
                    }
                }
                Some(Body { content_type: "application/json", text: document.to_string() })
            }
        }
    }

    fn silence(&self, moment: &mut Moment<'_>) {
        if self.music.is_some() {
            moment.order(Order::StopPlaying);
        }
    }

    fn take(&self, moment: &mut Moment<'_>) -> Turn {
        let findings = moment.take_findings();
        let mut missing = 0;
        for (into, found) in self.into.iter().zip(findings) {
            missing += u32::from(found.is_none());
            moment.set_variable(*into, found.unwrap_or_default());
        }
        if missing > 0 {
            moment.note(Reason::AnswerLacks(missing));
            return self.missing.map_or(Turn::Next, Turn::To);
        }
        moment.note(Reason::AnswerTaken);
        Turn::Next
    }

    fn fail(&self, failure: LookUpFailure, moment: &mut Moment<'_>) -> Turn {
        moment.note(Reason::LookUp(failure));
        let branch = match failure {
            LookUpFailure::Status(404 | 410) => self.not_found,
            _ => self.failed,
        };
        branch.map_or(Turn::Next, Turn::To)
    }
}

fn first_sign(url: &str) -> char {
    if url.contains('?') { '&' } else { '?' }
}

fn form_pair(field: &Field, moment: &mut Moment<'_>) -> String {
    let value = lookup::percent_encode(&moment.fill(&field.value));
    format!("{}={value}", lookup::percent_encode(&field.name))
}

/// A value that is not of its kind is `null`: the other side must not take a text for a number.
fn json_value(field: &Field, moment: &mut Moment<'_>) -> Value {
    let text = moment.fill(&field.value);
    match field.sort {
        Sort::Text => Value::String(text),
        Sort::Number if lookup::is_number(&text) => serde_json::from_str(text.trim()).unwrap_or(Value::Null),
        Sort::YesNo if text == "yes" => Value::Bool(true),
        Sort::YesNo if text == "no" => Value::Bool(false),
        Sort::Number | Sort::YesNo => Value::Null,
    }
}
