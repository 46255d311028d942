import pytest

from cleaning.redaction import Redactor


def redact(text: str) -> str:
    return Redactor().redact(text)


GONE = {
    "a key in a sentence": ("my API key is 1234abcd5678", "my API key is [SECRET_1]"),
    "an ordinary word as one's password": ("my password is sunshine.", "my password is [SECRET_1]"),
    "a PIN without a colon": ("PIN 4821", "PIN [SECRET_1]"),
    "alone on the line below its name": ("Guest Wi-Fi password\nLinde-4471x", "Guest Wi-Fi password\n[SECRET_1]"),
    "behind an arrow": ("old passphrase → Linde-4471x", "old passphrase → [SECRET_1]"),
    "behind a tab": ("passwd\tLinde4471x", "passwd\t[SECRET_1]"),
    "behind a login": ("Login: edda / Linde-4471x", "Login: [SECRET_1]"),
    "letters of another script in the name": ("Pаsswоrd: linde", "Pаsswоrd: [SECRET_1]"),
    "a code of one's own": ("771204 is your Kettleworks code", "[SECRET_1] is your Kettleworks code"),
    "a code of one's own, in German": ("Der Code lautet 771204.", "Der Code lautet [SECRET_1]."),
    "codes in a list": ("Backup codes: 7712-0455 8830-1194\n6650-7731", "Backup codes: [SECRET_1] [SECRET_2]\n[SECRET_3]"),
}


@pytest.mark.parametrize(("text", "wanted"), GONE.values(), ids=GONE.keys())
def test_what_the_words_around_it_tell_is_hidden(text: str, wanted: str) -> None:
    assert redact(text) == wanted


WRITTEN = [
    '"password": "{}"',
    "'db_password' => '{}',",
    "DB_PASSWORD={}",
    "export PGPASSWORD={}",
    "--password {}",
    "--db-password={}",
    "-password '{}'",
    "<password>{}</password>",
    '<add key="password" value="{}"/>',
    '"access_token": "{}"',
    "clientSecret: {}",
    "Password | {}",
    "| User | bo | Password | {} |",
    "password ： {}",
    "Server=db;User=sa;Password={};Timeout=5",
    "AccountKey={}",
    "SharedAccessKey={}",
    "postgres://app:{}@db/x",
    "curl -u bo:{} https://example.com/x",
    "mysql -u root -p{} shop",
    "sshpass -p {} ssh host",
    "id/pw: bo/{}",
    "login / password: bo / {}",
    "user bo pass {}",
    "Credentials: bo:{}",
    "パスワードは {} です",
    "пароль {}",
    "WLAN-Schlüssel: {}",
]


@pytest.mark.parametrize("frame", WRITTEN)
def test_a_key_word_is_known_in_every_syntax(frame: str) -> None:
    assert "q7Rt!x20Lw9z" not in redact(frame.replace("{}", "q7Rt!x20Lw9z"))


NO_VALUES = [
    '"password": "string"',
    'password = getenv("DB_PASSWORD")',
    "PASSWORD=$DB_PASSWORD",
    "password: ${SECRET}",
    "<password></password>",
    "User | Password | Role",
    '"keyword": "A1328E04-88B6-4E2A"',
    "Activation key: ABCDE-FGHIJ-KLMNO",
    "docker run -u 1000:1000 image",
    "771204 is your order code",
    "the error code is 771204",
    "Login: today / 14:07",
    "Guest Wi-Fi password\nreset never came",
    "Settings > Password > Change",
]


@pytest.mark.parametrize("text", NO_VALUES)
def test_what_stands_in_a_values_place_and_is_none_stays(text: str) -> None:
    assert redact(text) == text


def test_a_secret_that_was_named_once_is_gone_where_it_stands_alone() -> None:
    redactor = Redactor()
    assert redactor.redact("password: q7Rt!x20\nq7Rt!x20 is what I typed") == "password: [SECRET_1]\n[SECRET_1] is what I typed"
    assert redactor.redact("still q7Rt!x20") == "still [SECRET_1]"
