"""A weight-transfer backend for vLLM that needs no GPU: the trainer's `update_info` names a file, and each worker reads it.

`--worker-extension-cls file_transfer.FileTransfer --weight-transfer-config '{"backend": "file"}'`; workers import it by the first
flag, which registers the backend that the second one names.
"""

from dataclasses import dataclass

from brake import Brake
from safetensors import safe_open
from vllm.distributed.weight_transfer import base
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload


@dataclass
class Nothing(base.WeightTransferInitInfo):
    """No group is joined. Trainers give ranks and addresses all the same."""

    master_address: str = ""
    master_port: int = 0
    rank_offset: int = 0
    world_size: int = 0


@dataclass
class File(base.WeightTransferUpdateInfo):
    path: str = ""


class FileTransferEngine(base.WeightTransferEngine[Nothing, File]):
    init_info_cls = Nothing
    update_info_cls = File

    def init_transfer_engine(self, init_info):
        pass

    def start_weight_update(self):
        # Weights are packed for the CPU: without this they could not be loaded into their places.
        initialize_layerwise_reload(self.model)

    def update_weights(self, update_info):
        self.receive_weights(self.parse_update_info(update_info))

    def receive_weights(self, update_info):
        with safe_open(update_info.path, "pt") as tensors:
            self.model.load_weights((name, tensors.get_tensor(name)) for name in tensors.keys())

    def finish_weight_update(self):
        finalize_layerwise_reload(self.model, self.model_config)

    def shutdown(self):
        pass


class FileTransfer(Brake):
    """Of each worker; has nothing more to add to it."""


WeightTransferEngineFactory.register_engine("file", __name__, FileTransferEngine.__name__)
