"""The kinds of things in Pocket and the facts about each: a small ontology, written by hand.

A domain has three slots, and each kind of the domain a value for every slot, so
that stating the values in order narrows the domain down to the kind: the path
that a gold rationale walks.  This module knows kinds and which packed assets
show them; it refuses to know pictures, questions and splits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A family of kinds that share three slots. `noun` is how skills speak of them."""

    name: str
    noun: str
    slots: tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of thing. `facts` maps the domain's slots, in order, to values."""

    name: str
    domain: str
    facts: Mapping[str, str]
    assets: str
    """Regular expression over `source-folder/name` keys of assets, see `asset_key`."""


DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(name="furniture", noun="furniture", slots=("use", "build", "part")),
        Domain(name="living", noun="a living thing", slots=("realm", "way", "cover")),
        Domain(name="appliance", noun="a machine of the house", slots=("task", "place", "part")),
        Domain(name="clothing", noun="clothing", slots=("worn", "warmth", "piece")),
        Domain(name="vehicle", noun="a vehicle", slots=("travels", "carries", "gear")),
        Domain(name="tableware", noun="tableware", slots=("serves", "shape", "grip")),
    )
}

# domain | kind | three slot values | which assets show it
_TABLE = """
furniture | chair | sitting | for one person | a back but no arms | sh3d/.*/(.* )?chair( with cushion)?(?<!wheelchair)
furniture | armchair | sitting | for one person | a back and two arms | sh3d/.*/(.* )?armchair
furniture | stool | sitting | for one person | a seat and no back | sh3d/.*/(bar stool|stool|puff|piano bench|armchair ottoman)
furniture | sofa | sitting | for several people | long soft cushions | sh3d/.*/(.* )?(sofa|couch)( . seats)?( bz)?
furniture | bench | sitting | for several people | a long hard seat | sh3d/.*/(bench|concrete bench|painted bench|wood bank|little bank)
furniture | bed | sleeping | for grown people | a wide mattress | sh3d/.*/(bed|iron bed|hospital bed|day bed|mezzanine bed|captain's bed|bunk bed|futon|air mattress)
furniture | cot | sleeping | for small children | rails around a mattress | sh3d/.*/(baby bed|child bed|crib)
furniture | table | putting things on | for standing at full height | a plain flat top | sh3d/.*/(table|oak table|round table|glass table|black table|cafe table|rattan table|folding table|table with tablecloth|wooden .*table|table on trestles|bar table)
furniture | coffee table | putting things on | for standing low | a low flat top | sh3d/.*/(coffee table|children table|bedside table)
furniture | desk | putting things on | for working at | a top for writing | sh3d/.*/(desk|wooden desk|desk table|technical table|workbench)
furniture | bookcase | storing things | for open storage | rows of open shelves | sh3d/.*/(bookcase|full bookcase|shelves|vertical shelves|upper shelves cabinet)
furniture | cupboard | storing things | for closed storage | doors and handles | sh3d/.*/(cupboard|.*cabinet|safe|locked locker)(?<!drawers cabinet)(?<!filing cabinet)(?<!shelves cabinet)
furniture | drawers | storing things | for closed storage | a stack of drawers | sh3d/.*/(drawers cabinet|filing cabinet|dresser with drawers|vanity|double vanity)
furniture | wardrobe | storing things | for hanging clothes | tall double doors | sh3d/.*/(wardrobe|clothes rack)
furniture | ceiling lamp | giving light | for hanging above | a bulb below a cord | sh3d/.*/(hanging light|pendant lamp|chandelier lamp|ceiling lamp|track lights|fluorescent .*)
furniture | table lamp | giving light | for standing on a table | a shade on a foot | sh3d/.*/(desk lamp|lamp|little lamp|pedestal vase lamp|candle)
furniture | street lamp | giving light | for standing outside | a lantern on a pole | sh3d/.*/(outdoor lamp|classic lamppost|park light|street lamp|street light|stone lantern|japanese lantern)
living | mammal | an animal | walks on four legs | fur | stamp/animals/(mammals|marsupials)/(?!aquatic|bears/(cartoon|toys)).*|art/animals/(anteater|antelope|baby_rabbit|bear|beaver|buffalo|bull|camel|cat|chimp|cow|deer|doe|dog|donkey|elephant|elk|fawn|fox|giraffe|goat|gopher|gorilla|guinea_pig|hamster|hedgehog|hippopotamus|horse|hyena|jaguar|kangaroo|kitten|koala|lama|lemur|leopard|lion|lion_cub|llama|mole|moose|mouse|opossum|ox|panda|panther|pig|pony|pug|puppy|rabbit|ram|rat|rhinoceros|sheep|skunk|sloth|squirrel|tiger|wolf|zebra)
living | bird | an animal | flies with wings | feathers | stamp/animals/birds/(?!cartoon).*|stamp/seasonal/easter/(bluebird|chick)|art/animals/(bird|blackbird|chick|chicken|crow|dove|duck|eagle|flamingo|goose|hen|hummingbird|jay|magpie|ostrich|owl|parakeet|parrot|peacock|pelican|penguin|pigeon|rooster|shrike|sparrow|swan|turkey|vulture)
living | fish | an animal | swims with fins | wet scales | stamp/animals/fish/(?!lobster|shrimp).*|art/animals/(piranha|ray|shark)
living | sea mammal | an animal | swims with flippers | smooth wet skin | stamp/animals/mammals/aquatic/.*|art/animals/(dolphin|otter|seal|whale)
living | insect | an animal | walks on six legs | a thin hard coat | stamp/animals/insects/(?!Brown_slug|cartoon/(snail|spider|wings)).*|stamp/seasonal/easter/butterfly|art/animals/(ant|bee|beetle|caterpillar|dragonfly|ladybug|mosquito|wasp|spider|scorpion)
living | reptile | an animal | creeps on its belly | dry scales | stamp/animals/(lizards|amphibians)/.*|art/animals/(alligator|chameleon|cobra|frog|iguana|lizard|salamander|snake|toad|turtle|viper)
living | shellfish | an animal | crawls in the sea | a thick shell | stamp/animals/(shellfish/.*|fish/(lobster|shrimp)|insects/cartoon/snail.*)|art/animals/(clam|crab|lobster|oyster|shrimp|snail|starfish|squid|jellyfish)
living | flower | a plant | blooms in colour | soft petals | stamp/plants/flowers/.*|stamp/plants/lavender|stamp/seasonal/easter/daffodil|sh3d/.*/(orchids|tulips|white lily|flowers|spathiphyllum)
living | tree | a plant | grows tall | bark and leaves | stamp/plants/trees/(?!pinecone|rambutan|holly).*|sh3d/.*/(acacia|coconut tree|bended coconut tree|blue pine under snow|copper beech|cypress|japanese maple|palm tree|peach blossom|pine|pine under snow|poplar|sycamore maple|christmas tree|bonsai tree|ficus)
living | pot plant | a plant | grows in a pot | green leaves | sh3d/.*/(little plant|plant|cactus|decorative plant|indoor plant|yucca|spider plant|succulent plant|bamboo|plant box|bush)
living | fruit | a plant | ripens sweet | a juicy skin | stamp/food/fruit/.*|art/fruit_n_veg/(apple|apricot|bananas|blackberries|blueberries|cherries|fig|grapefruit|grapes|kiwi|lemon|lime|mango|melon|orange|papaya|peach|pear|plums|raspberry|strawberry)|art/food/coconut
living | vegetable | a plant | grows for cooking | firm flesh | stamp/food/vegetables/(?!mushroom).*|stamp/plants/(eggplant|lettuce_bolted)|art/fruit_n_veg/(artichokes|asparagus|aubergine|beans|broccoli|cabbage|carrot|cauliflower|celery|cucumbers|garlic|leek|lettuce|onion|peas|peppers|potatoes|pumpkin|radish|spinach|squash|turnip)|art/food/corn
appliance | oven | heating food | the kitchen | a door with a window | sh3d/.*/(double oven|oven|small oven|large stove|stove|microwave|cooker)
appliance | cooktop | heating food | the kitchen counter | rings to heat pans | sh3d/.*/(cooktop|induction cooker . zones|propane stove|stone grill device|sandwich maker|toaster|deep fryer)
appliance | fridge | cooling food | the kitchen | a tall insulated door | sh3d/.*/(refrigerator|large fridge|fridge|chest freezer)
appliance | coffee machine | making drinks | the kitchen counter | a spout and a jug | sh3d/.*/(coffee .*(brewer|maker|machine|press)|coffee brewer|espresso kettle|mixer|blender|squeezer)
appliance | washing machine | washing clothes | the laundry | a round door | sh3d/.*/(washing machine|clothes washing machine|dryer machine)
appliance | hood | clearing smoke | the wall above a stove | a wide funnel | sh3d/.*/(range hood|hood)
appliance | television | showing pictures | the living room | a wide screen | sh3d/.*/(tv|tv 16:9|wall flat tv|screen|video projector)
appliance | computer | office work | the desk | keys and a screen | sh3d/.*/(laptop|apple ibook|apple imac .*|tablet|keyboard|inkjet printer and scanner)
appliance | phone | talking to people | the pocket | buttons to dial | sh3d/.*/(phone|mobile phone|apple iphone|wireless phone|tv remote control|intercom.*)
appliance | stereo | playing music | the living room shelf | round loudspeakers | sh3d/.*/(speaker|mini stereo|mp3 .*|stereo amplifier|radio|dvd player|playstation)
appliance | radiator | warming rooms | the wall | ribs of metal | sh3d/.*/(radiator|electric water heater|gaz water heater)
appliance | fan | moving air | the ceiling or a shelf | turning blades | sh3d/.*/(table fan|ceiling fan|rigged fan|air conditioning.*)
clothing | shoe | the feet | in all weather | a sole | sh3d/.*/(sneakers|woman shoes|mocassin|slippers|bootie)|art/clothes_n_accessories/(shoe|shoes|sneaker|slippers|sandals|heel)
clothing | hat | the head | in the sun or the cold | a brim | sh3d/.*/(cap|hat|helmet)|stamp/clothes/hats/.*|stamp/clothes/t_baseballcap|art/clothes_n_accessories/(hat|cap)|art/sport/helmet|stamp/seasonal/christmas/santahat
clothing | coat | the upper body | in the cold | long sleeves and buttons | sh3d/.*/(jacket|suit)|stamp/clothes/t_jacket|art/clothes_n_accessories/(coat|jacket|raincoat|robe|suit|kimono)
clothing | shirt | the upper body | in warm weather | a collar or a round neck | stamp/clothes/(t_tshirt|t_poloshirt|t_shirt)|art/clothes_n_accessories/(shirt|pullover|sweatshirt|vest|smock|uniform)
clothing | trousers | the legs | in cool weather | two long tubes | sh3d/.*/trousers|stamp/clothes/t_pants|art/clothes_n_accessories/(trousers|pants|overalls|pyjamas)
clothing | skirt | the hips | in warm weather | a hem that hangs free | sh3d/.*/(skirt|short|dress)|art/clothes_n_accessories/(skirt|shorts|dress)
clothing | scarf | the neck | in the wind | a long strip of cloth | stamp/clothes/t_scarf|art/clothes_n_accessories/(scarf|tie|necklace|sash)
clothing | glove | the hands | in the snow | five fingers | sh3d/.*/glove|stamp/clothes/(t_glove|t_sock)|art/clothes_n_accessories/(gloves|sock)
vehicle | car | on roads | a family | four wheels and a hood | sh3d/vehicles/(chevrolet|concept sedan.*|ford focus|peugeot.*|renault scenic|suv|seat leon|smart car|vw new beetle)|stamp/vehicles/(auto/(?!truck)|race/|emergency/sedan).*|art/transport/(car|taxi)
vehicle | truck | on roads | heavy loads | a cabin and a bed | sh3d/vehicles/(truck|van|fork lift)|stamp/vehicles/(garbagetruck|auto/truck|construction/.*|emergency/.*fire.*|wheel_tractor|farming/.*)|art/transport/(truck|van)
vehicle | bus | on roads | many passengers | rows of windows | sh3d/vehicles/(bus|city bus)|stamp/vehicles/masstransit/.*|art/transport/bus
vehicle | motorcycle | on roads | one or two riders | two wheels and an engine | sh3d/(vehicles|exterior)/(scooter|yamaha.*|motorbike)|art/transport/motorcycle
vehicle | bicycle | on paths | one rider | pedals | sh3d/vehicles/(bicycle|bike|tricycle)|stamp/vehicles/cycle/.*|art/transport/(bicycle|bike)
vehicle | train | on rails | long rows of wagons | iron wheels | stamp/vehicles/locomotive/(?!cartoon/trainSign).*|sh3d/.*/toy train
vehicle | boat | on water | sailors | a hull | sh3d/.*/rowboat|stamp/vehicles/ship/.*|art/transport/(boat|canoe|raft|ship|sail)
vehicle | aircraft | in the air | travellers of the sky | wings or rotors | sh3d/.*/biplane|stamp/vehicles/flight/.*|stamp/military/vehicles/f22_raptor|art/transport/rocket
tableware | cup | drinks | round and small | a handle at the side | sh3d/.*/(coffee cup|cup|coffee mug|plastic cup|teapot)|stamp/household/dishes/(mug|teapot)|art/food/tea
tableware | glass | drinks | clear and tall | a smooth clear wall | sh3d/.*/(glass|beer glass|cocktail glass)|stamp/household/dishes/glass
tableware | bottle | liquids | tall with a thin neck | a cap or a cork | sh3d/.*/(wine bottle|beer bottle|bottle|yogurt bottle|milk|baby bottle|oil servers|spray bottle|flacon)|art/food/water_bottle
tableware | plate | meals | flat and wide | a flat rim | sh3d/.*/(oval plate|plate|sushi tray|tray|plate, glass.*)
tableware | bowl | soups | round and deep | a deep hollow | sh3d/.*/(bowl|bowl with .*|pottery|old jar|basin)|art/food/soup
tableware | knife | cutting | long and sharp | a blade | sh3d/.*/(knife|kitchen knife|knife stand|fork|spoon|scissors)|stamp/household/arttools/scissors.*
tableware | pan | frying | round and heavy | a long handle | sh3d/.*/(large pan|kitchen tools|utensils pot)|stamp/household/(dishes/cartoon/.*|kettle)
tableware | vase | flowers | curved and tall | a narrow foot | sh3d/.*/vase
"""


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by name, in the order of the table."""
    table: dict[str, Kind] = {}
    for line in _TABLE.strip().splitlines():
        domain, name, first, second, third, assets = (cell.strip() for cell in line.split(" | ", 5))
        facts = dict(zip(DOMAINS[domain].slots, (first, second, third), strict=True))
        table[name] = Kind(name=name, domain=domain, facts=facts, assets=assets)
    return table


def kinds_of(domain: str) -> list[Kind]:
    return [kind for kind in kinds().values() if kind.domain == domain]


def asset_key(asset: Mapping[str, object]) -> str:
    """What the table's expressions match: `sh3d/category/name`, or a stamp's or a drawing's id."""
    if str(asset["id"]).startswith("sh3d/"):
        return f"sh3d/{asset['category']}/{asset['name']}".lower()
    return str(asset["id"])


def kind_of(key: str) -> Kind | None:
    """The first kind of the table that an asset key belongs to."""
    return next((kind for kind in kinds().values() if re.fullmatch(kind.assets, key)), None)
