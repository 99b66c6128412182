//! The bearer token: where it comes from, and who brings it.

use std::fmt;
use std::fs;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::Digest;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::api::Api;
use crate::api::config::Config;
use crate::api::problem::problem;
use crate::switch::command::Problem;

/// What lets a program in. Shown by nothing but [`Token::reveal`].
#[derive(Clone)]
pub struct Token(String);

/// Where a token came from: one that was just made is shown to the operator, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Configured,
    Kept(PathBuf),
    Made(PathBuf),
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("[api] token has {length} characters\n    at least {SHORTEST}; `openssl rand -base64 32` makes a good one")]
    TooShort { length: usize },
    #[error("[api] token holds a character that no HTTP header can carry\n    use letters, digits and `-._~+/=`")]
    Unprintable,
    #[error("{}: the token cannot be read: {why}\n    [api] token_file names this file", path.display())]
    Unreadable { path: PathBuf, why: io::Error },
    #[error("{}: the token cannot be kept: {why}\n    set [api] token, or let the user that runs desvio write there", path.display())]
    Unwritable { path: PathBuf, why: io::Error },
}

impl Token {
    pub fn new(text: &str) -> Result<Self, TokenError> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Unprintable);
        }
        match text.len() {
            length if length < SHORTEST => Err(TokenError::TooShort { length }),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The configured token, else the one in `data_folder`, else a new one that is kept there for its owner alone.
    ///
    /// A relative `token_file` counts from `base_folder`.
    pub fn load_or_make(config: &Config, base_folder: &Path, data_folder: &Path) -> Result<(Self, Origin), TokenError> {
        if let Some(token) = Self::configured(config, base_folder)? {
            return Ok((token, Origin::Configured));
        }
        let path = data_folder.join(FILE);
        if path.exists() {
            return Ok((read(&path)?, Origin::Kept(path)));
        }
        Ok((make(&path)?, Origin::Made(path)))
    }

    /// The token that a client on this machine uses: as the server finds it, but nothing is made.
    pub fn load(config: &Config, base_folder: &Path, data_folder: &Path) -> Result<Self, TokenError> {
        match Self::configured(config, base_folder)? {
            Some(token) => Ok(token),
            None => read(&data_folder.join(FILE)),
        }
    }

    /// The one that the configuration says, if it says one.
    pub fn configured(config: &Config, base_folder: &Path) -> Result<Option<Self>, TokenError> {
        match (&config.token_file, &config.token) {
            (Some(file), _) => read(&base_folder.join(file)).map(Some),
            (None, Some(token)) => Self::new(token).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// For the operator's eyes, and for the header of our own client.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Takes the same time whatever is wrong with `offered`, its length included.
    fn is(&self, offered: &str) -> bool {
        let ours = Sha256::digest(self.0.as_bytes());
        let theirs = Sha256::digest(offered.as_bytes());
        ours.as_slice().ct_eq(theirs.as_slice()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn read(path: &Path) -> Result<Token, TokenError> {
    let text = fs::read_to_string(path).map_err(|why| TokenError::Unreadable { path: path.into(), why })?;
    Token::new(text.lines().next().unwrap_or_default().trim())
}

fn make(path: &Path) -> Result<Token, TokenError> {
    let unwritable = |why: io::Error| TokenError::Unwritable { path: path.into(), why };
    let mut random = [0; 24];
    getrandom::fill(&mut random).map_err(|why| unwritable(why.into()))?;
    let token = Token(BASE64_URL_SAFE_NO_PAD.encode(random));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| writeln!(file, "{}", token.0)).map_err(unwritable)?;
    Ok(token)
}

/// Lets a request through that brings the token; RFC 6750 §2.1.
pub(super) async fn require(State(api): State<Arc<Api>>, request: Request, next: Next) -> Result<Response, Problem> {
    match bearer(request.headers()) {
        Some(offered) if api.token.is(offered) => Ok(next.run(request).await),
        Some(_) => Err(wrong_token()),
        None => Err(no_token()),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token() -> Problem {
    problem(
        401,
        "token-missing",
        "No token",
        "This needs the header `Authorization: Bearer TOKEN`.",
        "The token is `[api] token` in config/desvio.toml, or the file `api-token` in the data folder.",
    )
}

fn wrong_token() -> Problem {
    problem(
        401,
        "token-wrong",
        "Wrong token",
        "The token in `Authorization` is not the one of this server.",
        "The token is `[api] token` in config/desvio.toml, or the file `api-token` in the data folder.",
    )
}

/// Characters; shorter ones can be guessed.
const SHORTEST: usize = 16;
const FILE: &str = "api-token";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::api::bench::Folder;

    #[test]
    fn a_token_is_made_once_and_only_its_owner_may_read_it() {
        let folder = Folder::new();
        let data = folder.path().join("data");
        let config = Config::default();
        let (made, origin) = Token::load_or_make(&config, folder.path(), &data).unwrap();
        let path = data.join("api-token");
        assert_eq!(origin, Origin::Made(path.clone()));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let (kept, origin) = Token::load_or_make(&config, folder.path(), &data).unwrap();
        assert_eq!(origin, Origin::Kept(path));
        assert_eq!(kept.reveal(), made.reveal());
        assert_eq!(Token::load(&config, folder.path(), &data).unwrap().reveal(), made.reveal());
    }

    #[test]
    fn a_token_file_wins_over_the_token_beside_it() {
        let folder = Folder::new();
        fs::write(folder.path().join("secret"), "from-the-file-0123\n").unwrap();
        let config = Config {
            token: Some("from-the-config-0123".into()),
            token_file: Some("secret".into()),
            ..Config::default()
        };
        let (token, origin) = Token::load_or_make(&config, folder.path(), folder.path()).unwrap();
        assert_eq!((token.reveal(), origin), ("from-the-file-0123", Origin::Configured));
    }

    #[test]
    fn a_short_token_is_refused_with_a_way_to_make_a_good_one() {
        let said = Token::new("1234").unwrap_err().to_string();
        assert!(said.contains("openssl rand"), "{said}");
    }

    #[test]
    fn only_the_very_token_is_right() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is("0123456789abcdef"));
        assert!(!token.is("0123456789abcdeF"));
        assert!(!token.is(""));
    }
}
