"""A web page that labels the faces of a picture.

pip install streamlit
streamlit run examples/page.py
"""

from pathlib import Path

import streamlit as st

import genderscope
from genderscope import Prediction, Result

PORTRAIT = Path(genderscope.__file__).parent / "imaging" / "samples" / "astronaut.jpg"


@st.cache_resource
def load(model: str) -> genderscope.Scope:
    return genderscope.load(model)


st.title("Perceived gender presentation")
st.caption(
    "A guess at how a person would describe each face. It does not know anyone's gender. "
    "Pictures stay in memory."
)
model = st.selectbox("Model", ["fast", "balanced", "accurate"])
scope = load(model)
threshold = st.slider("Lowest confidence for a label", 0.5, 1.0, scope.min_confidence)
file = st.file_uploader("Picture", ["jpg", "jpeg", "png", "webp"])
picture = file.getvalue() if file else PORTRAIT
try:
    found = scope(picture)
except genderscope.PictureError as error:
    st.error(str(error))
    st.stop()

results = [Result(each.face, Prediction(each.prediction.scores, threshold)) for each in found]
st.image(scope.draw(picture, results))
st.dataframe(
    [
        {
            "label": result.label,
            "confidence": round(result.confidence, 3),
            "width, px": round(result.face.box.width),
        }
        for result in results
    ]
)
