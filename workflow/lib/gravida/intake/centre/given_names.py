"""Frequent given names of women, and the words that look like names and are none.

Names are without accents, in lower case. The list is short on purpose: it finds a column of names, and most
single ones; it is no proof that a name is absent.
"""

# Slovenia, Croatia and their neighbours; German; Italian; French; Spanish; English. A few names of men and
# the commonest family names of the first two are there because a record may be filed under them.
_NAMES = (
    "ana marija maja irena mojca mateja nina natasa andreja barbara jozica nada petra tanja eva katja "
    "sonja tatjana tina milena alenka vesna martina majda urska tjasa anja sabina spela darja suzana "
    "simona bojana zala klara lucija ivana mirjana katarina jelena snjezana marijana kristina "
    "ljiljana dubravka zeljka gordana sanja ivanka mihaela josipa valentina dragica jasna matea lana "
    "marina branka biljana dragana slavica milica jovana nevena anna maria ursula sabine monika "
    "susanne gabriele birgit andrea claudia stefanie christine kerstin angelika heike katrin nicole "
    "julia sandra melanie sarah lena hannah sophie katharina giulia chiara francesca federica sara "
    "alessandra silvia elisa laura paola giovanna roberta elena ilaria giorgia beatrice rosa marie "
    "nathalie isabelle sylvie catherine francoise monique martine valerie sandrine celine stephanie "
    "aurelie emilie camille lea manon chloe juliette charlotte veronique jeanne carmen dolores pilar "
    "josefa isabel teresa cristina lucia marta raquel patricia rocio ines irene beatriz nuria "
    "montserrat mercedes mary jennifer elizabeth linda susan jessica karen lisa nancy margaret ashley "
    "kimberly emily donna michelle carol amanda melissa deborah rebecca sharon cynthia kathleen amy "
    "angela shirley emma olivia helen rachel heather victoria lauren ivan marko janez franc josip "
    "luka peter novak horvat kovac krajnc zupancic kovacic potocnik babic maric juric kovacevic "
    "ksenija tadeja romana polona neza hana larisa breda marjeta jana karmen elisabeth gisela renate "
    "brigitte manuela silke alicia pauline simone amelie zoe ema mia iva ida asja lara nika tea pia"
)
GIVEN_NAMES = frozenset(_NAMES.split())
# Words of codes and labels, and of identifiers, that people write with a capital.
_WORDS = (
    "patient patientin pacient pacientka bolnik bolnica preg pregnancy nosecnost trudnoca mother mati "
    "majka woman zena case subject participant site centre center clinic hospital klinika study code "
    "row record number group arm cohort registry visit event birth live still none partial exclusive "
    "other unknown yes no beta interferon glatiramer acetate peginterferon copaxone avonex rebif "
    "betaferon betaseron extavia plegridy tecfidera aubagio gilenya tysabri ocrevus kesimpta lemtrada "
    "mavenclad mayzent zeposia ponvory mabthera rituximab ocrelizumab natalizumab fumarate dimethyl "
    "diroximel teriflunomide fingolimod cladribine alemtuzumab siponimod ozanimod ponesimod "
    "ofatumumab ublituximab azathioprine mitoxantrone headache fever rash infection chest pain "
    "vomiting arthralgia aseptic meningitis thrombosis renal failure anaphylaxis haemolysis mild "
    "moderate severe examined reported multiple sclerosis not known missing data"
)
NO_NAMES = frozenset(_WORDS.split())
