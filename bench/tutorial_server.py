"""The reference of `bench.throughput`: the server of most tutorials, on Flask's development server.

It serves the network of `bench/tutorial_training.py` with the weights that ship. It preprocesses as tutorials do:
base64, Pillow, gray, `ToTensor()`, softmax. It reads only pictures of 28x28 pixels, white on black. Kept as tutorials
write it. `python -m bench.tutorial_server PORT`.
"""

import base64
import io
import sys

import torch
import torch.nn.functional as F
from flask import Flask, Response, jsonify, request
from PIL import Image
from torchvision import transforms

from bench.tutorial_training import Net

app = Flask(__name__)
model = Net()
transform = transforms.ToTensor()


@app.route("/api", methods=["POST"])
def predict() -> Response:
    content = base64.b64decode(request.get_json()["image"])
    image = Image.open(io.BytesIO(content)).convert("L")
    with torch.no_grad():
        probabilities = F.softmax(model(transform(image).unsqueeze(0)), dim=1)
    probability, result = probabilities.max(1)
    return jsonify({"result": result.item(), "probability": probability.item()})


if __name__ == "__main__":
    model.load_state_dict(torch.load("mnist.pth"))
    model.eval()
    print(f"http://127.0.0.1:{sys.argv[1]}", flush=True)
    app.run(port=int(sys.argv[1]))
