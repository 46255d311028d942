"""Words that decide what is a name: those that never are one, and those that are a name as often as not; tables only.

Words are compared in small letters. A word is added where it was taken for somebody's name, or a name where it was passed over.
"""

from cleaning.matching import word_set

PARTICLES = word_set(
    "van von der den de del dela della dello di da das do dos du des la las le les los lo el al bin ibn bint abu zu zur zum vom und "
    "and y e i et en og och ter ten te op af av ap st san santa santo saint bar mac mc o d l dr mr mrs ms miss herr herrn frau prof sr "
    "sra dona mme mlle monsieur madame sig signora signor pan pani dhr mevr mw ing mgr jr phd mister missus ma'am"
)
"""Parts of names and forms of address that are never looked for alone."""

COMMON = word_set(
    "mark long will may page rose frank bill grant hope art guy rich joy stone baker cook young short smith rob pat max grace faith mike "
    "jack pearl ruby amber crystal summer autumn april june august sunny star angel heaven hunter parker carter mason porter archer "
    "fisher miller taylor turner walker potter cooper butler gardener shepherd king queen prince knight bishop pope church house hill "
    "wood woods forest field fields brook brooks rivers river lake marsh moor banks bridge street lane gates hall park parks green "
    "brown black white gray grey gold silver blue red strong wise good best early late little small large big sharp bright swift power "
    "powers price cash day days week weekes winter snow frost rain storm wind cloud sky star stars moon sun home homes love case chance "
    "chase drew dawn eve fern daisy holly ivy iris lily olive violet heather sandy dusty misty stormy wade reed reid read reader ray "
    "rock rocky cliff dale glen heath ford wells pool poole cross close read post walls wall key keys lock bolt nail hammer bell bells "
    "horn harp piper singer drummer player fox wolf lamb bull bird crane swan finch sparrow robin jay martin raven drake peacock hawk "
    "falcon hare buck stag fish pike bass salmon rice bean berry cherry apple plum pepper curry mint sage basil ginger honey sugar "
    "major minor sergeant marshall judge lord noble able ready prior moody savage wild fast quick speed hand hands foot head arms legg "
    "bone blood heart soul smart test tester null none root admin user guest owner name first last middle new old next back front left "
    "right top bottom north south east west light dark line lines point points part parts side square round ring rings chain link "
    "links cable wire battery charge charger sensor filter switch button plug socket lamp pump motor engine wheel bike car carr train "
    "van bus ship boat sail port terry cloth cotton silk wool glass steel iron copper clay sand coal call calls bond stock share "
    "sales page pages book books paper pen pencil card cards letter word words story poem norm norman rick nick vic tab gene dean chip "
    "chuck dick peter pete victor victoria regina paris london sydney austin dallas houston madison lincoln jordan chad israel "
    "georgia carolina virginia florence vienna berlin adele dolly penny buck bob sue harry carol noel christian dominic "
    "klein gross groß lang kurz jung alt neu schwarz weiss weiß braun grün roth rot berg stein bach feld wald wolf fuchs vogel hahn "
    "hase hirsch koch bäcker becker müller schneider fischer schmidt schmid bauer wagner weber zimmermann richter jäger schäfer "
    "könig kaiser fürst graf herzog ritter bischof papst engel himmel sommer winter herbst frühling mai sonntag montag freitag "
    "sonne mond stern blume rose lilie apfel birne baum busch zweig blatt kraft stark schön gut besser böse schnell langsam "
    "arm reich krone glocke kugel spiegel haus hof brunnen mühle brücke turm burg kirche post weg strasse straße platz ende anfang mut "
    "petit grand gros blanc noir roux brun lebrun leblanc lenoir legrand lepetit roi roy dubois dupont pont fontaine rivière mer "
    "fleur rosier olivier poirier pommier fournier boulanger boucher berger marchand mercier charpentier page pierre roche soleil lune "
    "aimée claire blanche reine noël ange désiré parfait "
    "blanco negro rojo rubio moreno delgado gordo bravo cruz reyes rey iglesia iglesias campo campos flores rosa luna sol mar ríos rios "
    "fuentes puente torre torres castillo casa casas calle prado vega sierra montes monte león leon lobo toro cordero paz luz cielo "
    "ángel angel santos santo pastor guerrero herrero zapatero molinero marino soler plaza pilar mercedes dolores consuelo concepción "
    "bianco nero rossi rosso verdi bruno biondi grassi bassi longo piccolo costa monti fontana ferrari ferraro marino serra villa chiesa "
    "conte re papa gallo leone volpe fiore stella luce gioia vita pace "
    "silva costa rocha pedra lima oliveira pereira coelho lobo leite neves cruz ramos campos ribeiro machado mata matos prata rei "
    "bos berg dijk meer visser bakker smit mulder kok jong groot klein wit zwart bruin vos haas leeuw koning prins graaf post ster maan "
    "zon dam kerk huis"
)
"""Words that are names too: looked for alone only where they are written like a name in the middle of a sentence."""

NO_NAMES = word_set(
    "admin administrator agent all alle anfrage bot business care center client contact customer customers damen desk dear department "
    "dept dev everyone everybody folks friend friends gmbh group guys help helpdesk herren hi inc info it kundenservice kundendienst llc "
    "ltd madam mailer marketing mesdames messieurs my no noreply office operations order orders reply sales seller service services sir "
    "sirs sir/madam señores support system team there today tous toutes user webmaster world y'all zusammen equipo équipe equipe todos "
    "todas tutti tutte allemaal iedereen again and any ag co company corp corporation web shop store online mail tech technical news "
    "newsletter accounts accounting invoice kontakt vertrieb einkauf buchhaltung rechnung returns feedback hello press jobs hr legal "
    "security data product products google siri alexa cortana bixby assistant freshdesk freddy the thank thanks ihr euer your our we you "
    "status value wert valeur valor valore waarde wartość hodnota érték valoare värde værdi verdi arvo değer price preis prix precio "
    "prezzo preço prijs date datum fecha data dato quantity menge qty amount email e-mail address adresse dirección indirizzo endereço "
    "president vater mutter nachbar nachbarin doktor chef chefin mein meine meinen unser unsere mon mes notre mi meu minha meus mijn "
    "moja moje môj můj moj "
    "customer-service kunde kundin kunden mitglied nutzer nutzerin besitzer inhaber premium account version error model ticket case number "
    "code router smart page button app server update device issue problem screen mode settings pro plus basic windows android chrome "
    "microsoft apple amazon iphone ipad samsung outlook firefox safari edge linux macos ios mozilla netflix paypal facebook instagram "
    "whatsapp youtube twitter telegram signal zoom teams monday tuesday wednesday thursday friday saturday sunday january february march "
    "july september october november december montag dienstag mittwoch donnerstag freitag samstag sonntag english german french spanish "
    "italian dutch polish yes ok okay cheers bye done fixed solved regards sorry please danke ja nein merci oui non gracias sí sim "
    "obrigado obrigada grazie bedankt nee tack tak takk kiitos dziękuję děkuji hvala спасибо благодаря дякую mulțumesc köszönöm gentlemen "
    "ladies herrschaften leute community support-team serviceteam kundenteam not still just only also very so too now here for from with "
    "at on in if when what why how where who this that these those is was are were be been have has had do does did can could would should "
    "will shall may might must please note warning attention hint important update info information subject betreff re fwd fw aw wg "
    "colleagues colleague kollegen kollege kollegin kolleginnen collègues collègue compañeros colegas colleghi collega's collega collegas "
    "señor señora signore signora herr frau monsieur madame mevrouw meneer bonjour hallo hola ciao olá alles klar gute guter gutes guten "
    "lamp light living room kitchen bedroom bathroom garage garden sensor camera plug switch hub bridge gateway speaker doorbell "
    "thermostat customer's nobody somebody anyone someone kolleger kollega venner vänner ystävät wszyscy państwo panstwo drodzy všichni "
    "všetci mindenki toată lumea всички всем коллеги друзья команда господа дамы всім колеги друзі команда όλους όλοι ομάδα arkadaşlar "
    "ekip ekibi yetkili müşteri hizmetleri بكم بك جميعا الجميع ورحمة الله وبركاته بركاته فريق الدعم السادة لكم رب وقت بخیر خسته نباشید "
    "علیکم دوستان همکاران تیم پشتیبانی לכולם לך רב צוות התמיכה כולם वालों टीम सभी जी सर मैडम semua tim pelanggan bapak ibu mọi người "
    "quý khách bạn anh chị team! kolektiv uzņēmums komanda kolegos kolēģi tiim kõik meeskond "
    "お客 お客様 皆 皆様 担当 担当者 ご担当者 担当の方 各位 関係者 店長 サポート カスタマーサポート お世話 ご担当 係 事務局 "
    "奥 神 客 고객 여러 여러분 담당 담당자 관리자 선생 사장 "
    "팀 모든 客服 大家 各位 老师 老師 请问 請問 团队 團隊 客户 客戶 用户 用戶 亲 您 你们 先生 女士 ทีม ทุกท่าน ลูกค้า แอดมิน "
    "ค่ะ ครับ ผู้เกี่ยวข้อง "
)

CHINESE_FAMILIES = (
    "王李张張刘劉陈陳杨楊黄黃赵趙吴吳周徐孙孫马馬朱胡林郭何罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許傅沈曾彭吕呂苏蘇卢"
    "盧蒋蔣蔡贾賈丁魏薛叶葉余潘杜戴夏钟鍾汪田任姜范方石姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦江史顾顧侯邵孟龙龍万萬段雷钱錢汤湯"
    "尹黎易常武乔喬贺賀赖賴龚龔文"
)
KOREAN_FAMILIES = "김이박최정강조윤장임한오서신권황안송류홍전문손양배백허남심노하곽성차주우구라진유"

ENDINGS = word_set(
    "y i u a e o ie iej ej em om ow owi ovi ovie ego iego emu iemu im ym ova ove ou s es n ns nak nek val vel ra re hoz hez nal nel "
    "t at ot et ban ben lle lla lta ssa sta in en oj "
    "а у е ы и ой ом ым ою ю я ей ем ем ові еві ою ів ин ина ς ου η α ας ης ο"
)
"""What languages put behind a name or in place of its last vowel."""
