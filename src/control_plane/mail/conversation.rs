//! One conversation with a server: hello, TLS, login, and a letter (RFC 5321, RFC 3207, RFC 4954).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::message::Sealed;
use super::reply::{NoReply, Replies, Reply};
use crate::asset::wire_names;
use crate::control_plane::record::MailSecurity;
use crate::secret::Secret;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the answer to a whole letter may take: a server may look through it first.
const PATIENCE_AT_THE_END: Duration = Duration::from_mins(2);

/// What is said of a connection that ends too soon, whatever ended it.
const BROKEN: &str = "the server closed the connection";

wire_names! {
    /// Where a letter stopped.
    MailStep {
        /// Nobody answers there, or not as a mail server does.
        Connection = "connection",
        /// The login is refused.
        Login = "login",
        /// The letter is refused.
        Message = "message",
        /// The server's name is no address, or none that may be asked.
        Name = "name",
        /// Whom it is to is refused.
        Recipient = "recipient",
        /// Whom it is from is refused.
        Sender = "sender",
        /// The way cannot be secured, or the server is another than it says.
        Tls = "tls",
    }
}

/// Is it worth trying again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::control_plane) enum Outlook {
    /// It may go another time, or once somebody mends the settings.
    Again,
    /// It is refused for good.
    Final,
}

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {said}")]
pub(in crate::control_plane) struct MailFault {
    /// Where it stopped.
    pub(in crate::control_plane) step: MailStep,
    /// What the server answered, or what is wrong.
    pub(in crate::control_plane) said: Box<str>,
    /// The code that the server answered with, if it was the server.
    pub(in crate::control_plane) code: Option<u16>,
    /// Is it worth trying again?
    pub(in crate::control_plane) outlook: Outlook,
}

impl MailFault {
    /// One that may be mended.
    pub(super) fn at(step: MailStep, said: impl fmt::Display) -> Self {
        Self { step, said: said.to_string().into(), code: None, outlook: Outlook::Again }
    }

    fn of(step: MailStep, reply: &Reply) -> Self {
        // What is wrong with the server's settings can be mended, and letters wait for that.
        let is_of_the_letter =
            matches!(step, MailStep::Message | MailStep::Recipient | MailStep::Sender);
        let outlook =
            if is_of_the_letter && reply.code >= 500 { Outlook::Final } else { Outlook::Again };
        let said = match step {
            MailStep::Login | MailStep::Message | MailStep::Recipient | MailStep::Sender => {
                reply.to_string()
            }
            // What speaks before anybody has logged in may be no mail server: it is not read out.
            MailStep::Connection | MailStep::Name | MailStep::Tls => {
                format!("{} is what the server answers", reply.code)
            }
        };
        Self { outlook, code: Some(reply.code), ..Self::at(step, said) }
    }
}

/// How a server is talked to.
pub(super) struct Manners<'a> {
    pub(super) security: MailSecurity,
    /// What its certificate must be for.
    pub(super) name: ServerName<'static>,
    pub(super) tls: Option<&'a TlsConnector>,
    pub(super) login: Option<(&'a str, &'a Secret<String>)>,
    /// When all of it has an end, however slowly and well the server answers.
    pub(super) until: Instant,
}

pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A connection that letters can be handed over on.
pub(super) struct Conversation {
    wire: Box<dyn Wire>,
    replies: Replies,
    hello: String,
    extensions: Vec<String>,
    until: Instant,
}

impl Conversation {
    /// Says hello on a connection, as whoever is at that address of it, secures it and logs in.
    pub(super) async fn begin(
        stream: impl Wire + 'static,
        own: SocketAddr,
        manners: Manners<'_>,
    ) -> Result<Self, MailFault> {
        let hello = literal(own);
        let Manners { security, name, tls, login, until } = manners;
        let mut talk = match security {
            MailSecurity::Tls => Self::over(secured(stream, name, tls, until).await?, hello, until),
            MailSecurity::None => Self::over(Box::new(stream), hello, until),
            MailSecurity::StartTls => {
                let mut open = Open { stream, replies: Replies::default(), until };
                open.ask(None).await?;
                let hello_line = format!("EHLO {hello}\r\n");
                let said = open.ask(Some(&hello_line)).await?;
                if !said.lines.iter().any(|it| it.trim().eq_ignore_ascii_case("STARTTLS")) {
                    let none = "the server offers no STARTTLS";
                    return Err(MailFault::at(MailStep::Tls, none));
                }
                let answer = open.ask(Some("STARTTLS\r\n")).await?;
                if !answer.is_good() {
                    return Err(MailFault::of(MailStep::Tls, &answer));
                }
                // What somebody on the way put behind the answer would be read as the server's.
                if open.replies.holds_more() {
                    let more = "more came before TLS than the server may say";
                    return Err(MailFault::at(MailStep::Tls, more));
                }
                let wire = secured(open.stream, name, tls, until).await?;
                let mut talk = Self::over(wire, hello, until);
                talk.say_hello().await?;
                talk.log_in(login).await?;
                return Ok(talk);
            }
        };
        let greeting = talk.reply(MailStep::Connection, PATIENCE).await?;
        if !greeting.is_good() {
            return Err(MailFault::of(MailStep::Connection, &greeting));
        }
        talk.say_hello().await?;
        talk.log_in(login).await?;
        Ok(talk)
    }

    fn over(wire: Box<dyn Wire>, hello: String, until: Instant) -> Self {
        Self { wire, replies: Replies::default(), hello, extensions: Vec::new(), until }
    }

    /// Hands a letter over. Gives what the server answered when it took it.
    pub(super) async fn hand_over(mut self, letter: &Sealed) -> Result<String, MailFault> {
        let Sealed { from, to, message } = letter;
        let mut options = "";
        if !from.is_ascii() || !to.is_ascii() {
            if !self.offers("SMTPUTF8") {
                let ascii = "the server takes no addresses beyond ASCII";
                let fault = MailFault::at(MailStep::Recipient, ascii);
                return Err(MailFault { outlook: Outlook::Final, ..fault });
            }
            options = " SMTPUTF8";
        }
        self.ask(MailStep::Sender, &format!("MAIL FROM:<{from}>{options}\r\n")).await?;
        self.ask(MailStep::Recipient, &format!("RCPT TO:<{to}>\r\n")).await?;
        self.ask(MailStep::Message, "DATA\r\n").await?;
        self.write(MailStep::Message, &stuffed(message)).await?;
        let taken = self.reply(MailStep::Message, PATIENCE_AT_THE_END).await?;
        if !taken.is_good() {
            return Err(MailFault::of(MailStep::Message, &taken));
        }
        // It is taken, whatever comes now.
        let _ = timeout(Duration::from_secs(1), self.write(MailStep::Message, b"QUIT\r\n")).await;
        Ok(taken.to_string())
    }

    async fn say_hello(&mut self) -> Result<(), MailFault> {
        let line = format!("EHLO {}\r\n", self.hello);
        let said = self.ask(MailStep::Connection, &line).await?;
        self.extensions = said.lines.iter().skip(1).map(|it| it.to_ascii_uppercase()).collect();
        Ok(())
    }

    fn offers(&self, extension: &str) -> bool {
        self.extensions.iter().any(|it| it.split(' ').next() == Some(extension))
    }

    async fn log_in(&mut self, login: Option<(&str, &Secret<String>)>) -> Result<(), MailFault> {
        let Some((username, password)) = login else { return Ok(()) };
        let ways = self.extensions.iter().find_map(|it| it.strip_prefix("AUTH "));
        let ways: Vec<String> = ways.unwrap_or_default().split(' ').map(str::to_owned).collect();
        let offers = |way: &str| ways.iter().any(|it| it == way);
        // To the server that it is for.
        let password = password.expose();
        if offers("PLAIN") {
            let both = Zeroizing::new(format!("\0{username}\0{password}"));
            let line = format!("AUTH PLAIN {}\r\n", STANDARD.encode(both.as_bytes()));
            return self.ask(MailStep::Login, &Zeroizing::new(line)).await.map(drop);
        }
        if !offers("LOGIN") {
            let none = "the server offers no login that is known here (PLAIN, LOGIN)";
            return Err(MailFault::at(MailStep::Login, none));
        }
        self.ask(MailStep::Login, "AUTH LOGIN\r\n").await?;
        self.ask(MailStep::Login, &format!("{}\r\n", STANDARD.encode(username))).await?;
        let line = Zeroizing::new(format!("{}\r\n", STANDARD.encode(password)));
        self.ask(MailStep::Login, &line).await.map(drop)
    }

    /// Says a line, and wants a good answer.
    async fn ask(&mut self, step: MailStep, line: &str) -> Result<Reply, MailFault> {
        self.write(step, line.as_bytes()).await?;
        let reply = self.reply(step, PATIENCE).await?;
        if reply.is_good() { Ok(reply) } else { Err(MailFault::of(step, &reply)) }
    }

    async fn write(&mut self, step: MailStep, bytes: &[u8]) -> Result<(), MailFault> {
        let written = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        match timeout_at(soon(PATIENCE_AT_THE_END, self.until), written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(MailFault::at(step, BROKEN)),
            Err(_) => Err(MailFault::at(step, "the server takes nothing more")),
        }
    }

    async fn reply(&mut self, step: MailStep, patience: Duration) -> Result<Reply, MailFault> {
        let next = self.replies.next(&mut self.wire);
        answered(step, timeout_at(soon(patience, self.until), next).await)
    }
}

/// A connection before TLS.
struct Open<S> {
    stream: S,
    replies: Replies,
    until: Instant,
}

impl<S: Wire> Open<S> {
    /// Says a line, if one is to be said. Of what is answered only a refusal of a greeting is one.
    async fn ask(&mut self, line: Option<&str>) -> Result<Reply, MailFault> {
        if let Some(line) = line {
            let written = self.stream.write_all(line.as_bytes());
            let written = timeout_at(soon(PATIENCE, self.until), written).await;
            if !matches!(written, Ok(Ok(()))) {
                return Err(MailFault::at(MailStep::Connection, BROKEN));
            }
        }
        let next = self.replies.next(&mut self.stream);
        let replied = timeout_at(soon(PATIENCE, self.until), next).await;
        let reply = answered(MailStep::Connection, replied)?;
        if line.is_none() && !reply.is_good() {
            return Err(MailFault::of(MailStep::Connection, &reply));
        }
        Ok(reply)
    }
}

fn answered<E>(
    step: MailStep,
    replied: Result<Result<Reply, NoReply>, E>,
) -> Result<Reply, MailFault> {
    match replied {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(NoReply::Closed | NoReply::Io(_))) => Err(MailFault::at(step, BROKEN)),
        Ok(Err(error @ NoReply::NotOne)) => Err(MailFault::at(step, error)),
        Err(_) => Err(MailFault::at(step, "the server does not answer")),
    }
}

/// The end of so long a wait, and of the whole.
fn soon(patience: Duration, until: Instant) -> Instant {
    until.min(Instant::now() + patience)
}

async fn secured(
    stream: impl Wire + 'static,
    name: ServerName<'static>,
    tls: Option<&TlsConnector>,
    until: Instant,
) -> Result<Box<dyn Wire>, MailFault> {
    let tls = tls.ok_or_else(|| MailFault::at(MailStep::Tls, "there is no TLS here"))?;
    match timeout_at(soon(PATIENCE, until), tls.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(MailFault::at(MailStep::Tls, insecure(&error))),
        Err(_) => Err(MailFault::at(MailStep::Tls, "the server does not answer")),
    }
}

/// Why there is no TLS, in words of ours: whoever set the server can mend its certificate, and learns
/// nothing of what else may answer there.
fn insecure(error: &std::io::Error) -> &'static str {
    let inner = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
    let Some(rustls::Error::InvalidCertificate(why)) = inner else {
        return "TLS does not come about with what answers";
    };
    let has_expired =
        matches!(why, CertificateError::Expired | CertificateError::ExpiredContext { .. });
    let is_for_another = matches!(
        why,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
    );
    if has_expired {
        "the server's certificate has expired"
    } else if is_for_another {
        "the server's certificate is for another name"
    } else if matches!(why, CertificateError::UnknownIssuer) {
        "the server's certificate is of an authority that is not known here"
    } else {
        "the server's certificate is not one that can be believed"
    }
}

/// Who says hello, where it has no name that others know (RFC 5321 section 4.1.3).
fn literal(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}

/// A letter as it is sent: its lines that begin with a dot have another, and it ends with one (RFC 5321
/// section 4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + 64);
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        if line.first() == Some(&b'.') {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line);
    }
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;

    /// What a server says that nobody wrote, each so late: a line for each that it hears.
    fn scripted(script: &'static [&'static str], late: Duration) -> DuplexStream {
        let (ours, mut theirs) = duplex(64 * 1024);
        tokio::spawn(async move {
            for said in script {
                for _ in 0..late.as_secs() {
                    tokio::time::advance(Duration::from_secs(1)).await;
                }
                if theirs.write_all(said.as_bytes()).await.is_err() {
                    break;
                }
                let mut heard = [0; 4096];
                if !matches!(theirs.read(&mut heard).await, Ok(1..)) {
                    break;
                }
            }
        });
        ours
    }

    fn own() -> SocketAddr {
        "127.0.0.1:1".parse().unwrap()
    }

    fn manners(security: MailSecurity, within: Duration) -> Manners<'static> {
        let name = ServerName::try_from("localhost").unwrap();
        Manners { security, name, tls: None, login: None, until: Instant::now() + within }
    }

    fn letter() -> Sealed {
        let (from, to) = ("a@example.com".to_owned(), "b@example.com".to_owned());
        Sealed { from, to, message: b"Subject: a\r\n\r\nb\r\n".to_vec() }
    }

    const POLITE: &[&str] =
        &["220 a\r\n", "250 a\r\n", "250 b\r\n", "250 c\r\n", "354 d\r\n", "250 e\r\n"];

    /// A server that answers each line just in time holds nobody up for ever: of six answers, each
    /// twenty seconds late, four come in time where the whole has 90 seconds.
    #[tokio::test(start_paused = true)]
    async fn a_conversation_has_an_end_however_well_the_server_answers() {
        let late = Duration::from_secs(20);
        let handed_over = async |within| {
            let manners = manners(MailSecurity::None, Duration::from_secs(within));
            let talk = Conversation::begin(scripted(POLITE, late), own(), manners).await?;
            talk.hand_over(&letter()).await
        };
        assert_eq!(handed_over(121).await.as_deref(), Ok("250 e"));
        let begun = Instant::now();
        let fault = handed_over(90).await.unwrap_err();
        assert_eq!((fault.step, &*fault.said), (MailStep::Message, "the server does not answer"));
        assert!(begun.elapsed() < Duration::from_secs(95), "{:?}", begun.elapsed());
    }

    async fn fault_of(security: MailSecurity, script: &'static [&'static str]) -> MailFault {
        let manners = manners(security, Duration::from_mins(1));
        Conversation::begin(scripted(script, Duration::ZERO), own(), manners).await.err().unwrap()
    }

    /// Somebody on the way puts an answer behind that to `STARTTLS`, to be read as the server's.
    #[tokio::test]
    async fn what_was_said_before_tls_is_not_believed_after_it() {
        let fault = fault_of(
            MailSecurity::StartTls,
            &["220 a\r\n", "250-a\r\n250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n"],
        );
        let fault = fault.await;
        assert_eq!(
            (fault.step, &*fault.said),
            (MailStep::Tls, "more came before TLS than the server may say")
        );
        let fault = fault_of(MailSecurity::StartTls, &["220 a\r\n", "250 a\r\n"]).await;
        assert_eq!((fault.step, &*fault.said), (MailStep::Tls, "the server offers no STARTTLS"));
        let fault = fault_of(MailSecurity::None, &["554 not you\r\n"]).await;
        assert_eq!(
            (fault.step, &*fault.said),
            (MailStep::Connection, "554 is what the server answers")
        );
        for other in [&["HTTP/1.1 400 Bad\r\n\r\n"], &["SSH-2.0-OpenSSH_9.9\r\n"]] {
            let fault = fault_of(MailSecurity::None, other).await;
            let said = (MailStep::Connection, "what answered does not speak SMTP");
            assert_eq!((fault.step, &*fault.said), said);
        }
    }

    #[test]
    fn a_line_of_a_dot_does_not_end_a_letter() {
        for (message, expected) in [
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            (".a", "..a\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(message.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn a_host_without_a_name_says_its_address() {
        assert_eq!(literal("127.0.0.1:1".parse().unwrap()), "[127.0.0.1]");
        assert_eq!(literal("[::ffff:192.0.2.1]:1".parse().unwrap()), "[192.0.2.1]");
        assert_eq!(literal("[2001:db8::1]:1".parse().unwrap()), "[IPv6:2001:db8::1]");
    }

    #[test]
    fn what_is_refused_for_good_is_the_letter_and_never_the_settings() {
        let reply = |code| Reply { code, lines: vec!["no".into()] };
        for (step, code, outlook) in [
            (MailStep::Recipient, 550, Outlook::Final),
            (MailStep::Message, 552, Outlook::Final),
            (MailStep::Sender, 550, Outlook::Final),
            (MailStep::Recipient, 451, Outlook::Again),
            (MailStep::Login, 535, Outlook::Again),
            (MailStep::Connection, 554, Outlook::Again),
        ] {
            assert_eq!(MailFault::of(step, &reply(code)).outlook, outlook, "{step} {code}");
        }
        assert_eq!(MailFault::of(MailStep::Login, &reply(535)).to_string(), "login: 535 no");
    }
}
