"""Tokens as their makers draw them: by name, what they are made of. In parts, so that no line looks like a token to a scanner."""

import random
import string

HEX, DIGITS, CAPITALS = "0123456789abcdef", string.digits, string.ascii_uppercase
ALNUM = string.ascii_letters + DIGITS
WORD = ALNUM + "-_"
Part = str | tuple[int, str]
"""A fixed piece, or how many characters of which alphabet."""

SHAPES: dict[str, tuple[Part, ...]] = {
    "GitHub": ("gh", "p_", (36, ALNUM)),
    "GitHub fine-grained": ("github", "_pat_", (22, ALNUM), "_", (59, ALNUM)),
    "GitLab": ("gl", "pat-", (20, WORD)),
    "GitLab trigger": ("gl", "ptt-", (40, HEX)),
    "AWS": ("AK", "IA", (16, CAPITALS + "234567")),
    "SendGrid": ("S", "G.", (22, WORD), ".", (43, WORD)),
    "Brevo": ("xkey", "sib-", (64, HEX), "-", (16, ALNUM)),
    "Stripe": ("sk", "_live_", (24, ALNUM)),
    "Stripe hook": ("wh", "sec_", (32, ALNUM)),
    "Shopify": ("shp", "at_", (32, HEX)),
    "DigitalOcean": ("do", "p_v1_", (64, HEX)),
    "Linear": ("lin", "_api_", (40, ALNUM)),
    "Notion": ("nt", "n_", (46, ALNUM)),
    "Hugging Face": ("h", "f_", (34, ALNUM)),
    "npm": ("np", "m_", (36, ALNUM)),
    "PyPI": ("py", "pi-AgEIcHlwaS5vcmc", (60, WORD)),
    "OpenAI": ("sk", "-proj-", (48, WORD)),
    "Google": ("AI", "za", (35, WORD)),
    "Slack": ("xo", "xb-", (12, DIGITS), "-", (12, DIGITS), "-", (24, ALNUM)),
    "Twilio": ("S", "K", (32, HEX)),
    "Mailgun": ("ke", "y-", (32, HEX)),
    "Mailchimp": ((32, HEX), "-us", "12"),
    "Telegram": ((10, DIGITS), ":A", "A", (33, WORD)),
    "Dropbox": ("s", "l.", (130, WORD)),
    "Figma": ("fig", "d_", (40, WORD)),
    "Airtable": ("pa", "t", (14, ALNUM), ".", (64, HEX)),
    "Databricks": ("da", "pi", (32, HEX)),
    "Doppler": ("dp", ".pt.", (43, ALNUM)),
    "Grafana": ("gl", "sa_", (32, ALNUM), "_", (8, HEX)),
    "PlanetScale": ("pscale", "_tkn_", (43, WORD)),
    "Pulumi": ("pu", "l-", (40, HEX)),
    "Postman": ("PM", "AK-", (24, HEX), "-", (34, HEX)),
    "Sentry": ("sn", "trys_", (80, ALNUM)),
    "Vault": ("hv", "s.", (90, WORD)),
    "Atlassian": ("AT", "ATT3", (186, WORD)),
    "Square": ("EA", "AA", (60, WORD)),
    "Facebook": ("EA", "A", (120, ALNUM)),
    "JSON Web Token": ("ey", "J", (30, WORD), ".ey", "J", (60, WORD), ".", (43, WORD)),
    "1Password": ("A3", "-", (6, CAPITALS), "-", (6, CAPITALS), "-", (5, CAPITALS), "-", (5, CAPITALS), "-", (5, CAPITALS)),
    "Azure AD": ((3, ALNUM), "8Q", "~", (34, WORD)),
    "age": ("AGE-", "SECRET-KEY-1", (58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")),
    "Netlify": ("nf", "p_", (36, ALNUM)),
    "Supabase": ("sb", "p_", (40, HEX)),
    "Groq": ("gs", "k_", (52, ALNUM)),
    "Replicate": ("r", "8_", (37, ALNUM)),
    "xAI": ("xa", "i-", (80, ALNUM)),
    "Perplexity": ("pp", "lx-", (48, ALNUM)),
    "Vercel": ("vc", "p_", (56, ALNUM)),
    "Render": ("rn", "d_", (32, ALNUM)),
    "ClickUp": ("p", "k_", (8, DIGITS), "_", (32, ALNUM)),
    "a link of Slack": ("https://hooks.slack", ".com/services/T", (8, CAPITALS), "/B", (10, CAPITALS), "/", (24, ALNUM)),
    "a link of Discord": ("https://discord", ".com/api/webhooks/", (18, DIGITS), "/", (68, WORD)),
}


def drawn(name: str, draw: random.Random) -> str:
    """A token of that shape."""
    parts = (part if isinstance(part, str) else "".join(draw.choice(part[1]) for _ in range(part[0])) for part in SHAPES[name])
    return "".join(parts)
