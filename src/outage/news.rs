//! What a change is called in one sentence, in the languages in which owners and customers are spoken to.

use crate::outage::ChannelState;
use crate::outage::blame::Blame;

/// What there is to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    Works,
    Degraded,
    Down,
    Recovering,
    OurLine,
    /// Our own line is back.
    LineWorks,
    OurResolver,
    /// The name server that we use is back.
    ResolverWorks,
    OurCredential,
    OurWebhook,
    BlockedHere,
}

/// Whom one speaks to. What is not known here is spoken to in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    Portuguese,
    Spanish,
    English,
}

impl News {
    /// What is ours to mend comes before what we can only wait for.
    pub fn of(state: ChannelState, blame: Blame) -> News {
        match (blame, state) {
            (Blame::OurLine, _) => News::OurLine,
            (Blame::OurResolver, _) => News::OurResolver,
            (Blame::OurCredential, _) => News::OurCredential,
            (Blame::OurWebhook, _) => News::OurWebhook,
            (Blame::BlockedHere, _) => News::BlockedHere,
            (Blame::None | Blame::Channel, ChannelState::Down) => News::Down,
            (Blame::None | Blame::Channel, ChannelState::Recovering) => News::Recovering,
            (Blame::None | Blame::Channel, ChannelState::Degraded) => News::Degraded,
            (Blame::None | Blame::Channel, ChannelState::Up) => News::Works,
        }
    }

    /// It is over, whatever it was, with our own line.
    pub fn of_line_again(was: Blame) -> News {
        match was {
            Blame::OurResolver => News::ResolverWorks,
            _ => News::LineWorks,
        }
    }

    /// Without a full stop, so that more can be added.
    pub fn sentence(self, channel: &str, tongue: Tongue) -> String {
        match tongue {
            Tongue::Portuguese => self.in_portuguese(channel),
            Tongue::Spanish => self.in_spanish(channel),
            Tongue::English => self.in_english(channel),
        }
    }

    fn in_english(self, channel: &str) -> String {
        match self {
            News::Works => format!("{channel} works again"),
            News::Degraded => format!("{channel} does not work well"),
            News::Down => format!("{channel} is down"),
            News::Recovering => format!("{channel} answers again, and still counts as down for a while"),
            News::OurLine => "our own internet line fails; nothing can be said of the channels".to_owned(),
            News::LineWorks => "our own internet line works again".to_owned(),
            News::OurResolver => "the name server that we use fails".to_owned(),
            News::ResolverWorks => "the name server that we use works again".to_owned(),
            News::OurCredential => format!("{channel} refuses our credential: the token must be renewed"),
            News::OurWebhook => format!("{channel} cannot reach our webhook: no message of a customer arrives"),
            News::BlockedHere => format!("{channel} is blocked where we are, and works elsewhere"),
        }
    }

    fn in_portuguese(self, channel: &str) -> String {
        match self {
            News::Works => format!("{channel} voltou a funcionar"),
            News::Degraded => format!("{channel} não está funcionando bem"),
            News::Down => format!("{channel} está fora do ar"),
            News::Recovering => {
                format!("{channel} responde de novo, mas por enquanto ainda conta como fora do ar")
            }
            News::OurLine => "a nossa própria internet está falhando; nada se pode dizer dos canais".to_owned(),
            News::LineWorks => "a nossa própria internet voltou a funcionar".to_owned(),
            News::OurResolver => "o servidor de nomes que usamos está falhando".to_owned(),
            News::ResolverWorks => "o servidor de nomes que usamos voltou a funcionar".to_owned(),
            News::OurCredential => format!("{channel} recusa a nossa credencial: é preciso renovar o token"),
            News::OurWebhook => {
                format!("{channel} não alcança o nosso webhook: as mensagens dos clientes não chegam")
            }
            News::BlockedHere => format!("{channel} está bloqueado onde estamos, e funciona em outros lugares"),
        }
    }

    fn in_spanish(self, channel: &str) -> String {
        match self {
            News::Works => format!("{channel} ya funciona de nuevo"),
            News::Degraded => format!("{channel} no funciona bien"),
            News::Down => format!("{channel} no está funcionando"),
            News::Recovering => format!("{channel} responde de nuevo, pero por ahora todavía cuenta como caído"),
            News::OurLine => "nuestra propia conexión a internet falla; nada se puede decir de los canales".to_owned(),
            News::LineWorks => "nuestra propia conexión a internet ya funciona de nuevo".to_owned(),
            News::OurResolver => "el servidor de nombres que usamos falla".to_owned(),
            News::ResolverWorks => "el servidor de nombres que usamos ya funciona de nuevo".to_owned(),
            News::OurCredential => format!("{channel} rechaza nuestra credencial: hay que renovar el token"),
            News::OurWebhook => {
                format!("{channel} no alcanza nuestro webhook: los mensajes de los clientes no llegan")
            }
            News::BlockedHere => format!("{channel} está bloqueado donde estamos, y funciona en otros lugares"),
        }
    }
}

impl Tongue {
    /// `pt-BR`, `es`, `en-GB`, …
    pub fn of(language: &str) -> Tongue {
        let family = language.split(['-', '_']).next().unwrap_or_default();
        match family.to_ascii_lowercase().as_str() {
            "pt" => Tongue::Portuguese,
            "es" => Tongue::Spanish,
            _ => Tongue::English,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_to_mend_is_told_before_the_state() {
        assert_eq!(News::of(ChannelState::Down, Blame::OurCredential), News::OurCredential);
        assert_eq!(News::of(ChannelState::Down, Blame::Channel), News::Down);
        assert_eq!(News::of(ChannelState::Up, Blame::OurLine), News::OurLine);
        assert_eq!(News::of(ChannelState::Up, Blame::None), News::Works);
    }

    #[test]
    fn every_news_is_told_in_every_language() {
        let down = |language| News::Down.sentence("whatsapp", Tongue::of(language));
        assert_eq!(down("pt-BR"), "whatsapp está fora do ar");
        assert_eq!(down("es_MX"), "whatsapp no está funcionando");
        assert_eq!(down("en"), "whatsapp is down");
        assert_eq!(down("ja"), "whatsapp is down");
    }
}
