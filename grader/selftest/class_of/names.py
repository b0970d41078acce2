"""Students with names as they are: of many countries, in many scripts, and none like the next."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from random import Random

# First the given names, then the family names; the order that a culture writes them in is the last.
GIVEN_FIRST, FAMILY_FIRST = "{given} {family}", "{family} {given}"
CULTURES: tuple[tuple[str, str, str], ...] = (
    ("Anna Felix Jürgen Zoë Max", "Müller Groß Schäfer von-Goethe Bauer", GIVEN_FIRST),
    ("Siobhán Conor Niamh Seán", "O'Brien O’Sullivan Ó-Dálaigh McCarthy", GIVEN_FIRST),
    ("Jean-Pierre Hélène Chloé Noël", "d'Alembert L'Hôpital Lefèvre Bézout", GIVEN_FIRST),
    ("María José Íñigo Begoña", "Núñez Peña-García Ibáñez Muñoz", GIVEN_FIRST),
    ("João Inês Gonçalo Conceição", "Araújo Simões Magalhães Assunção", GIVEN_FIRST),
    ("Łukasz Małgorzata Świętosława Zbigniew", "Wójcik Dąbrowska Źróbek Łęcka", GIVEN_FIRST),
    ("Tomáš Šárka Jiří Ľudmila", "Čapek Řezníček Novák Žižka", GIVEN_FIRST),
    ("İbrahim Ayşegül Çağla Işık", "Yılmaz Öztürk Şahin Güneş", GIVEN_FIRST),
    ("Åse Øyvind Bjørn Sæunn", "Ångström Sørensen Þórsdóttir Ægisson", GIVEN_FIRST),
    ("Иван Ольга Фёдор Юлия", "Иванов Щербакова Ёлкин Мягкая", GIVEN_FIRST),
    ("Γιώργος Ελένη Οδυσσέας", "Παπαδόπουλος Οικονόμου Καζαντζής", GIVEN_FIRST),
    ("伟 芳 秀英 敏", "王 李 张 欧阳", "{family}{given}"),
    ("健太 さくら 翔 ゆい", "髙橋 佐藤 渡邉 𠮷田", FAMILY_FIRST),
    ("민준 서연 지우", "김 이 남궁", "{family}{given}"),
    ("Văn-Anh Thị-Hương Đức Quỳnh", "Nguyễn Trần Đặng Phạm", FAMILY_FIRST),
    ("محمد فاطمة عبد-الله", "الأحمد حسين بن-سعيد", GIVEN_FIRST),
    ("שרה יוסף נועה", "כהן לוי בן-דוד", GIVEN_FIRST),
    ("प्रिया अर्जुन लक्ष्मी", "शर्मा पटेल कृष्णमूर्ति", GIVEN_FIRST),
    ("สมชาย มาลี", "ใจดี ศรีสุข", GIVEN_FIRST),
    ("Chukwuemeka Ngọzi Ọlábísí", "Adébáyọ̀ Okonkwo Ẹniọlá", GIVEN_FIRST),
    ("Kapiʻolani Keʻala", "Kamakawiwoʻole Kānaka", GIVEN_FIRST),
)

# What breaks programs that take a name for two words of ASCII: one word; the same name twice; twice
# again, but for the form in Unicode, or the case; an underscore; one like a keyword; a long one.
SPECIAL = (
    "Sukarno",
    "Nguyễn Văn Anh",
    "Nguyễn Văn Anh",
    unicodedata.normalize("NFC", "José Núñez"),
    unicodedata.normalize("NFD", "José Núñez"),
    "Kim MacDonald",
    "Kim Macdonald",
    "محمد الأحمد",
    "Anna_Lena Vogt",
    "Christopher Null",
    "Martin Luther King Jr.",
    "Rose-Anne de l’Île",
    "Mary-Jane O'Neill-D'Arcy",
    "Pedro de Alcântara Francisco António João Carlos Xavier de Paula Miguel Rafael Joaquim José "
    "Gonzaga Pascoal Cipriano Serafim de Bragança",
    "O",
    "Lab3 Grader",
    "X Æ A-12",
    "3Jane Tessier-Ashpool",
)


@dataclass(frozen=True)
class Person:
    """A student as a platform knows them."""

    name: str
    id: str
    login: str
    email: str

    @property
    def sortable(self) -> str:
        """Family name first, as Canvas writes it: the last word is taken for it."""
        given, _, family = self.name.rpartition(" ")
        return f"{family}, {given}" if given else family


def _all_names() -> list[str]:
    """Of all cultures in turn, so that a small class has some of each."""
    found = []
    for given_names, family_names, form in CULTURES:
        pairs = [(g, f) for f in family_names.split() for g in given_names.split()]
        found.append([form.format(given=g, family=f) for g, f in pairs])
    longest = max(map(len, found))
    return [names[n] for n in range(longest) for names in found if n < len(names)]


def _login(name: str, number: int) -> str:
    """As universities make them: Latin letters of the name, and a number."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return f"{re.sub('[^a-z]', '', plain)[:6] or 'u'}{number:03}"


def people(size: int, random: Random) -> list[Person]:
    """So many students, no two with one id; a class of eight has two of one name already."""
    special = list(SPECIAL[: max(3, size // 4)])
    names = (special + [name for name in _all_names() if name not in special] * 9)[:size]
    ids = random.sample(range(100_000, 999_999), size)
    made = []
    for number, (name, id) in enumerate(zip(names, ids, strict=True)):
        login = _login(name, number)
        made.append(Person(name, str(id), login, f"{login}@students.example.edu"))
    random.shuffle(made)
    return made
